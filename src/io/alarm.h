/*
** alarm.h - wakes a loop that waits, at a time of clock.h
** Depends on libuv and on Linux's timerfd. The timeout of poll() stands still
** while the machine is suspended; a timer of CLOCK_BOOTTIME goes off as soon as
** the machine is awake. Elsewhere there is none, and a deadline that passed
** meanwhile is met as late as the machine was suspended.
** Never wakes the machine up. Never late, but now and then early: it is set
** again only where it would be late, so that most turns do not touch it.
*/
#ifndef WSM_ALARM_H
#define WSM_ALARM_H

#include <stdint.h>

struct uv_loop_s;
struct wsm_alarm;

/* Of that loop, as long as it lives: it is not closed, and does not keep the loop
** alive. NULL: no descriptor, no memory, or not Linux. */
struct wsm_alarm *wsm_alarm_new (struct uv_loop_s *uv);

/* Has the loop woken up at at_ms, or earlier. */
void wsm_alarm_set (struct wsm_alarm *a, uint64_t at_ms, uint64_t now_ms);

#endif
