/*
** window.h - so many in any so much time, counted by the world itself
** Depends on nothing. It shares no line with the manager's sliding window.
*/
#ifndef SIMULATE_WINDOW_H
#define SIMULATE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define WINDOW_ROOM 256

/* Zero it, and set the first two, to start. */
struct window {
  uint32_t limit, per_ms; /* 0: any number; at most WINDOW_ROOM */
  uint64_t count, times_ms[WINDOW_ROOM];
};

/* When one more fits, at the earliest. */
static inline uint64_t window_next (const struct window *w) {
  if (w->limit == 0 || w->count < w->limit) return 0;
  return w->times_ms[w->count % w->limit] + w->per_ms + 1;
}

/* One was; false: one too many. */
static inline bool window_note (struct window *w, uint64_t now_ms) {
  const bool fits = now_ms >= window_next(w);
  if (w->limit) w->times_ms[w->count++ % w->limit] = now_ms;
  return fits;
}

/* The last one was only now. */
static inline void window_move_last (struct window *w, uint64_t now_ms) {
  if (w->count > 0) w->times_ms[(w->count - 1) % w->limit] = now_ms;
}

#endif
