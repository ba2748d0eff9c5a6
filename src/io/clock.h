/*
** clock.h - the clock that deadlines are read against
** Depends on clock_gettime, on macOS on mach_continuous_time. Time goes on while
** the machine is suspended, where the system has such a clock (Linux, macOS,
** OpenBSD); elsewhere it is the monotonic one.
** Never waits.
*/
#ifndef WSM_CLOCK_H
#define WSM_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Its zero means nothing; it never goes back. */
uint64_t wsm_clock_ms (void);

/* The same clock. */
double wsm_clock_seconds (void);

/* The clock of a test: it stands still, and is set. Zeroed it is the same clock as above. */
struct wsm_test_clock {
  bool frozen;
  uint64_t frozen_ms; /* the time, while it is frozen */
  uint64_t ahead_ms;  /* of the clock above, when it runs again: never back */
};

/* Its time; NULL: of the clock above. */
uint64_t wsm_clock_read_ms (const struct wsm_test_clock *c);
double wsm_clock_read_seconds (const struct wsm_test_clock *c);

/* Stands still from now on, or runs again from where it stands. */
void wsm_clock_freeze (struct wsm_test_clock *c, bool frozen);

/* The monotonic clock, in milliseconds: it stands still while the machine is
** suspended. */
uint64_t wsm_clock_awake_ms (void);

#endif
