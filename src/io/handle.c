#include "io/handle.h"

#include <stddef.h>
#include "io/alarm.h"
#include "base/hidden.h"

#define COALESCE_MIN_MS 1000 /* timers that far ahead may be late */
#define COALESCE_MASK 15     /* ms; 2^n - 1 */
#define IDLE (WSM_NEVER - 1) /* in the heap, and not to be called */

#define RINGS_MAX 16 /* in a row: then those wait that the host polls */

/* --- waking a host up --- */

bool wsm_handles_ring (struct wsm_handles *all) {
  struct wsm_bell *bell = all->bell;
  if (!bell) return false;
  if (!bell->rung && bell->times < RINGS_MAX) bell->rung = bell->ring(bell);
  return bell->rung;
}

void wsm_handles_rung (struct wsm_handles *all) {
  struct wsm_bell *bell = all->bell;
  if (!bell) return;
  bell->times = bell->rung ? bell->times + 1 : 0;
  bell->rung = false;
}

/* A host has a turn for changes outside one. */
static void wake (struct wsm_handles *all) {
  if (!all->alarm || all->turning || all->corked || wsm_handles_ring(all))
    return;
  wsm_alarm_set(all->alarm, 0, all->now_ms);
}

/* --- attaching --- */

bool wsm_handles_add (struct wsm_handles *all, struct wsm_handle *h) {
  if (!wsm_heap_set(&all->timers, &h->timer, IDLE)) return false;
  h->handles = all;
  h->id = ++all->last_id;
  h->next = all->all;
  if (h->next) h->next->previous = h;
  all->all = h;
  return true;
}

static void unlink_ready (struct wsm_handle *h) {
  struct wsm_handles *all = h->handles;
  if (!h->ready) return;
  h->ready = false;
  if (h->previous_ready) h->previous_ready->next_ready = h->next_ready;
  else all->first_ready = h->next_ready;
  if (h->next_ready) h->next_ready->previous_ready = h->previous_ready;
  else all->last_ready = h->previous_ready;
  h->next_ready = h->previous_ready = NULL;
}

static bool unlink_from (struct wsm_handle **at, const struct wsm_handle *h) {
  while (*at && *at != h) at = &(*at)->next_pending;
  if (!*at) return false;
  *at = h->next_pending;
  return true;
}

static void unlink_pending (struct wsm_handle *h) {
  if (!h->pending) return;
  h->pending = false;
  if (!unlink_from(&h->handles->pending, h))
    unlink_from(&h->handles->flushing, h);
}

void wsm_handle_detach (struct wsm_handle *h) {
  struct wsm_handles *all = h->handles;
  if (!h->loop) return;
  unlink_ready(h);
  unlink_pending(h);
  wsm_handle_await_recovery(h, false);
  wake(all); /* it may be the last: then a host has nothing to turn for */
  wsm_heap_remove(&all->timers, &h->timer);
  if (h->previous) h->previous->next = h->next;
  else all->all = h->next;
  if (h->next) h->next->previous = h->previous;
  h->next = h->previous = NULL;
  h->loop = NULL;
}

void wsm_handles_forked (struct wsm_handles *all) {
  struct wsm_handle *h;
  for (h = all->all; h; h = h->next) h->calls->on_forked(h);
}

void wsm_handles_leave (struct wsm_handles *all) {
  struct wsm_handle *h = all->all, *next;
  for (; h; h = next) {
    next = h->next;
    if (!h->forkable) continue;
    h->calls->on_forked(h);
    wsm_handle_detach(h);
  }
}

void wsm_handle_set_awaiting (struct wsm_handle *h, bool awaits_recovery) {
  h->awaits_recovery = awaits_recovery;
  if (awaits_recovery) h->handles->awaiting++;
  else h->handles->awaiting--;
}

void wsm_handles_recovered (struct wsm_handles *all) {
  struct wsm_handle *h;
  for (h = all->all; h; h = h->next)
    if (h->awaits_recovery) h->calls->on_recovered(h);
}

void wsm_handles_close (struct wsm_handles *all) {
  while (all->all) {
    struct wsm_handle *h = all->all;
    h->calls->on_loop_closed(h);
    wsm_handle_detach(h);
  }
  wsm_heap_free(&all->timers);
}

/* --- timers --- */

/* Timers that are due at about the same time share a turn: thousands of
** heartbeats wake the process up a few times. */
static uint64_t coalesced (const struct wsm_handles *all,
                           uint64_t deadline_ms) {
  if (deadline_ms < all->now_ms + COALESCE_MIN_MS) return deadline_ms;
  return deadline_ms | COALESCE_MASK;
}

/* An attached handle stays in the heap: moving it there cannot fail. */
void wsm_handle_set_timer (struct wsm_handle *h, uint64_t deadline_ms,
                           bool coalesce) {
  struct wsm_handles *all = h->handles;
  const uint64_t before_ms = h->timer.deadline_ms;
  if (deadline_ms == WSM_NEVER) deadline_ms = IDLE;
  else if (coalesce) deadline_ms = coalesced(all, deadline_ms);
  if (before_ms == deadline_ms) return;
  wsm_heap_set(&all->timers, &h->timer, deadline_ms);
  if (deadline_ms < before_ms && wsm_heap_first(&all->timers) == &h->timer)
    wake(all);
}

static struct wsm_handle *of_timer (struct wsm_timer *timer) {
  return (struct wsm_handle *)(void *)((char *)timer -
                                       offsetof(struct wsm_handle, timer));
}

/* on_timer sets the next deadline; otherwise there is none, so that this ends. */
void wsm_handles_run_timers (struct wsm_handles *all, uint64_t now_ms) {
  struct wsm_timer *timer = wsm_heap_first(&all->timers);
  while (timer && timer->deadline_ms <= now_ms) {
    struct wsm_handle *h = of_timer(timer);
    wsm_heap_set(&all->timers, timer, IDLE);
    if (h->calls->on_timer) h->calls->on_timer(h, now_ms);
    timer = wsm_heap_first(&all->timers);
  }
}

uint64_t wsm_handles_deadline (const struct wsm_handles *all) {
  const struct wsm_timer *timer = wsm_heap_first(&all->timers);
  return timer && timer->deadline_ms < IDLE ? timer->deadline_ms : WSM_NEVER;
}

/* --- notifications --- */

void wsm_handle_notify (struct wsm_handle *h) {
  struct wsm_handles *all = h->handles;
  if (h->ready) return;
  h->ready = true;
  h->previous_ready = all->last_ready;
  if (all->last_ready) all->last_ready->next_ready = h;
  else all->first_ready = h;
  all->last_ready = h;
  wake(all);
}

struct wsm_handle *wsm_handles_next_ready (struct wsm_handles *all) {
  struct wsm_handle *h = all->first_ready;
  if (h) unlink_ready(h);
  return h;
}

/* --- output --- */

static void add_pending (struct wsm_handle *h, uint64_t flush_ms) {
  struct wsm_handles *all = h->handles;
  if (!all->pending || flush_ms < all->flush_ms) all->flush_ms = flush_ms;
  if (h->pending) return;
  h->pending = true;
  h->next_pending = all->pending;
  all->pending = h;
}

void wsm_handle_mark_pending (struct wsm_handle *h) {
  if (h->pending && !h->patient) return;
  add_pending(h, 0);
  h->patient = false;
  wake(h->handles);
}

void wsm_handle_mark_patient (struct wsm_handle *h) {
  if (h->pending) return;
  add_pending(h, (h->handles->now_ms | COALESCE_MASK) + 1);
  h->patient = true;
}

uint64_t wsm_handles_flush_deadline (const struct wsm_handles *all) {
  return all->pending ? all->flush_ms : WSM_NEVER;
}

/* What is marked meanwhile waits for the next flush. */
void wsm_handles_flush (struct wsm_handles *all, bool before_io) {
  all->flushing = all->pending;
  all->pending = NULL;
  while (all->flushing) {
    struct wsm_handle *h = all->flushing;
    all->flushing = h->next_pending;
    h->pending = false;
    h->calls->on_flush(h, before_io);
  }
}
