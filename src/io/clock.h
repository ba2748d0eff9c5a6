/*
** clock.h - the clock that deadlines are read against
** Depends on clock_gettime, on macOS on mach_continuous_time. Time goes on while
** the machine is suspended, where the system has such a clock (Linux, macOS,
** OpenBSD); elsewhere it is the monotonic one.
** Never waits.
*/
#ifndef WSM_CLOCK_H
#define WSM_CLOCK_H

#include <stdint.h>

/* Its zero means nothing; it never goes back. */
uint64_t wsm_clock_ms (void);

/* The same clock. */
double wsm_clock_seconds (void);

/* The monotonic clock, in milliseconds: it stands still while the machine is
** suspended. */
uint64_t wsm_clock_awake_ms (void);

#endif
