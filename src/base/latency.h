/*
** latency.h - durations measured one after the other: smoothed, and the slow ones
** Depends on nothing. The last WSM_LATENCIES are kept, and no more, each as at most
** 65,535 ms: they are part of an idle connection.
** Never reads a clock.
*/
#ifndef WSM_LATENCY_H
#define WSM_LATENCY_H

#include <stdint.h>

#define WSM_LATENCIES 100

/* Zero it to start. */
struct wsm_latency {
  double smoothed_ms; /* RFC 6298 2: an eighth of each new one */
  uint16_t last_ms[WSM_LATENCIES];
  uint8_t count; /* of last_ms, up to all of it */
  uint8_t next;  /* index of the oldest, once all are there */
};

void wsm_latency_note (struct wsm_latency *l, uint64_t ms);

/* 99 of 100 were not longer (the nearest rank); of fewer than 100 the longest. */
uint32_t wsm_latency_p99 (const struct wsm_latency *l);

#endif
