#include "base/rate.h"

#include <string.h>
#include "base/memory.h"
#include "base/hidden.h"

#define FIRST_SIZE 8 /* places of a new ring */

/* The place of the one before whom `newer` others were. */
static uint32_t place (const struct wsm_rate *r, uint32_t newer) {
  const uint64_t at = (uint64_t)r->first + r->used - 1 - newer;
  return (uint32_t)(at % r->size);
}

/* Both ends of a window may be almost a millisecond later than they say. */
static uint64_t gone_at (const struct wsm_rate *r, uint32_t newer) {
  return r->times[place(r, newer)] + r->per_ms + 1;
}

uint64_t wsm_rate_next (const struct wsm_rate *r, uint32_t reserve,
                        uint64_t now_ms) {
  const uint32_t may = reserve < r->limit ? r->limit - reserve : 1;
  uint64_t gone_ms;
  if (r->used < may) return now_ms;
  gone_ms = gone_at(r, may - 1);
  return gone_ms > now_ms ? gone_ms : now_ms;
}

uint32_t wsm_rate_room (const struct wsm_rate *r, uint64_t now_ms) {
  uint32_t low = 0, high = r->used;
  while (low < high) { /* how many are still in the window */
    const uint32_t middle = low + (high - low) / 2;
    if (gone_at(r, middle) > now_ms) low = middle + 1;
    else high = middle;
  }
  return r->limit - low;
}

static bool grow (struct wsm_rate *r) {
  const uint32_t half = r->limit / 2;
  uint32_t size = r->size < half ? 2 * r->size : r->limit, i;
  uint64_t *times;
  if (r->size == 0) size = FIRST_SIZE < r->limit ? FIRST_SIZE : r->limit;
  times = wsm_alloc(size * sizeof *times);
  if (!times) return false;
  for (i = 0; i < r->used; i++) times[i] = r->times[place(r, r->used - 1 - i)];
  wsm_free(r->times);
  r->times = times;
  r->size = size;
  r->first = 0;
  return true;
}

bool wsm_rate_note (struct wsm_rate *r, uint64_t now_ms) {
  if (r->used == r->size && r->size < r->limit && !grow(r)) return false;
  if (r->used < r->size) r->used++;
  else r->first = (r->first + 1) % r->size;
  r->times[place(r, 0)] = now_ms;
  return true;
}

void wsm_rate_move (struct wsm_rate *r, uint32_t n, uint64_t now_ms) {
  uint32_t i;
  for (i = 0; i < n && i < r->used; i++) r->times[place(r, i)] = now_ms;
}

void wsm_rate_undo (struct wsm_rate *r, uint32_t n) {
  r->used -= n < r->used ? n : r->used;
}

bool wsm_rate_copy (struct wsm_rate *to, const struct wsm_rate *from) {
  *to = *from;
  if (from->size == 0) return true;
  to->times = wsm_alloc(from->size * sizeof *to->times);
  if (!to->times) {
    to->size = to->first = to->used = 0;
    return false;
  }
  memcpy(to->times, from->times, from->size * sizeof *to->times);
  return true;
}

void wsm_rate_clear (struct wsm_rate *r) {
  wsm_free(r->times);
  r->times = NULL;
  r->size = r->first = r->used = 0;
}
