/*
** clock.h - the monotonic clock
** Stands on libuv.
*/
#ifndef WSM_CLOCK_H
#define WSM_CLOCK_H

double wsm_clock_seconds (void);

#endif
