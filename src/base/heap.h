/*
** heap.h - deadlines, the earliest first
** Depends on memory.h. A binary heap of timers that live in their owners.
** Never reads a clock, never calls back: its owner asks for the earliest.
*/
#ifndef WSM_HEAP_H
#define WSM_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WSM_NEVER UINT64_MAX

/* One deadline. Zero it to start. */
struct wsm_timer {
  uint64_t deadline_ms;
  size_t index; /* 1-based; 0: not in a heap */
};

/* Zero it to start. */
struct wsm_heap {
  struct wsm_timer **timers;
  size_t count, size;
};

/* Puts the timer in, or moves it, to deadline_ms; WSM_NEVER takes it out.
** false without memory (never for a timer that is in). */
bool wsm_heap_set (struct wsm_heap *h, struct wsm_timer *t,
                   uint64_t deadline_ms);

void wsm_heap_remove (struct wsm_heap *h, struct wsm_timer *t);

/* The earliest timer, or NULL. */
struct wsm_timer *wsm_heap_first (const struct wsm_heap *h);

/* Frees the heap; the timers are their owners'. */
void wsm_heap_free (struct wsm_heap *h);

#endif
