#include "schedule.h"

#include <stdio.h>
#include <stdlib.h>

static bool is_before (const struct schedule_entry *a,
                       const struct schedule_entry *b) {
  return a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->order < b->order);
}

static void make_room (struct schedule *s) {
  if (s->length < s->room) return;
  s->room = s->room ? s->room * 2 : 256;
  s->heap = realloc(s->heap, s->room * sizeof *s->heap);
  if (s->heap) return;
  fputs("simulate: no memory\n", stderr);
  exit(2);
}

void schedule_at (struct schedule *s, uint64_t at_ms,
                  const struct schedule_entry *entry) {
  struct schedule_entry new = *entry;
  size_t i;
  new.at_ms = at_ms > s->now_ms ? at_ms : s->now_ms;
  new.order = s->count++;
  make_room(s);
  for (i = s->length++; i > 0 && is_before(&new, &s->heap[(i - 1) / 2]);
       i = (i - 1) / 2)
    s->heap[i] = s->heap[(i - 1) / 2];
  s->heap[i] = new;
}

static void remove_first (struct schedule *s) {
  const struct schedule_entry last = s->heap[--s->length];
  size_t i = 0, child = 1;
  while (child < s->length) {
    if (child + 1 < s->length &&
        is_before(&s->heap[child + 1], &s->heap[child]))
      child++;
    if (!is_before(&s->heap[child], &last)) break;
    s->heap[i] = s->heap[child];
    i = child;
    child = 2 * i + 1;
  }
  if (s->length) s->heap[i] = last;
}

bool schedule_step (struct schedule *s, uint64_t end_ms) {
  struct schedule_entry first;
  if (s->length == 0 || s->heap[0].at_ms > end_ms) {
    s->now_ms = end_ms;
    return false;
  }
  first = s->heap[0];
  remove_first(s);
  s->now_ms = first.at_ms;
  first.call(first.object, first.value);
  return true;
}

void schedule_free (struct schedule *s) {
  free(s->heap);
  s->heap = NULL;
  s->length = s->room = 0;
}
