/*
** alarm.h - makes libuv's descriptor readable at a time of clock.h
** Depends on libuv and on Linux's epoll, eventfd and timerfd. A host polls it and
** knows no timeout of ours. The loop's own wait has it for the machine's suspends: the
** timeout of poll() stands still meanwhile; a timer of CLOCK_BOOTTIME goes off as soon
** as the machine is awake. Elsewhere there is none: a host has to ask for the loop's
** timeout, and a deadline is met as late as the machine was suspended.
** Never wakes the machine up.
*/
#ifndef WSM_ALARM_H
#define WSM_ALARM_H

#include <stdint.h>

struct uv_loop_s;
struct wsm_alarm;

/* Of that loop, as long as it lives: it is not closed, and does not keep the loop
** alive. NULL: no descriptor, no memory, or not Linux. */
struct wsm_alarm *wsm_alarm_new (struct uv_loop_s *uv);

/* Goes off at that time; until now_ms: at once; WSM_NEVER: not at all. */
void wsm_alarm_set (struct wsm_alarm *a, uint64_t at_ms, uint64_t now_ms);

/* Goes off at that time, or earlier: most waits do not touch it. */
void wsm_alarm_set_latest (struct wsm_alarm *a, uint64_t at_ms,
                           uint64_t now_ms);

#endif
