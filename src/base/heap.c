#include "base/heap.h"

#include "base/memory.h"
#include "base/hidden.h"

#define FIRST_SIZE 16

static void put (struct wsm_heap *h, struct wsm_timer *t, size_t index) {
  h->timers[index - 1] = t;
  t->index = index;
}

static void rise (struct wsm_heap *h, struct wsm_timer *t) {
  size_t index = t->index;
  while (index > 1) {
    struct wsm_timer *above = h->timers[index / 2 - 1];
    if (above->deadline_ms <= t->deadline_ms) break;
    put(h, above, index);
    index /= 2;
  }
  put(h, t, index);
}

/* The earlier child of an index, or NULL. */
static struct wsm_timer *child (const struct wsm_heap *h, size_t index) {
  const size_t left = index * 2;
  struct wsm_timer *first, *second;
  if (left > h->count) return NULL;
  first = h->timers[left - 1];
  if (left == h->count) return first;
  second = h->timers[left];
  return second->deadline_ms < first->deadline_ms ? second : first;
}

static void sink (struct wsm_heap *h, struct wsm_timer *t) {
  size_t index = t->index;
  struct wsm_timer *below = child(h, index);
  while (below && below->deadline_ms < t->deadline_ms) {
    const size_t freed = below->index;
    put(h, below, index);
    index = freed;
    below = child(h, index);
  }
  put(h, t, index);
}

static bool make_room (struct wsm_heap *h) {
  const size_t size = h->size ? h->size * 2 : FIRST_SIZE;
  struct wsm_timer **timers;
  if (h->count < h->size) return true;
  timers = wsm_realloc(h->timers, size * sizeof *timers);
  if (!timers) return false;
  h->timers = timers;
  h->size = size;
  return true;
}

bool wsm_heap_set (struct wsm_heap *h, struct wsm_timer *t,
                   uint64_t deadline_ms) {
  if (deadline_ms == WSM_NEVER) {
    wsm_heap_remove(h, t);
    return true;
  }
  if (!t->index) {
    if (!make_room(h)) return false;
    put(h, t, ++h->count);
  }
  t->deadline_ms = deadline_ms;
  rise(h, t);
  sink(h, t);
  return true;
}

void wsm_heap_remove (struct wsm_heap *h, struct wsm_timer *t) {
  const size_t index = t->index;
  struct wsm_timer *last;
  if (!index) return;
  t->index = 0;
  last = h->timers[--h->count];
  if (last == t) return;
  put(h, last, index);
  rise(h, last);
  sink(h, last);
}

struct wsm_timer *wsm_heap_first (const struct wsm_heap *h) {
  return h->count ? h->timers[0] : NULL;
}

void wsm_heap_free (struct wsm_heap *h) {
  size_t i;
  for (i = 0; i < h->count; i++) h->timers[i]->index = 0;
  wsm_free(h->timers);
  h->timers = NULL;
  h->count = h->size = 0;
}
