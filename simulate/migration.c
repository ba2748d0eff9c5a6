#include "migration.h"

#include <stdlib.h>
#include <string.h>

#include "application.h"
#include "driver.h"
#include "manager/migration.h"
#include "model_server.h"
#include "options.h"

static uint64_t now_of (const struct client *c) {
  return c->world->schedule.now_ms;
}

static bool is_under_way (const struct client *c) {
  return c->twin && c->twin->manager;
}

static bool is_over (const struct wsm_manager *m) {
  return m->state == WSM_STATE_CLOSED || m->state == WSM_STATE_LOCKED ||
         m->state == WSM_STATE_EXHAUSTED;
}

static void abort_twin (struct client *t) {
  struct wsm_error e;
  wsm_error_set(&e, WSM_CLOSED, "another took its place");
  wsm_manager_abort(t->manager, &e, now_of(t));
  if (t->manager->state != WSM_STATE_CLOSED) {
    const struct wsm_close_params none = { WSM_NORMAL, NULL, 0 };
    wsm_manager_close(t->manager, &none, now_of(t));
  }
  driver_settle(t);
}

static void forget (struct client *t) {
  wsm_manager_free(t->manager);
  free(t->manager);
  t->manager = NULL;
}

/* --- the connection before --- */

static void on_settle (void *object, uint64_t value) {
  struct client *c = object;
  (void)value;
  if (c->manager) driver_settle(c);
}

bool migration_forward (struct client *c) {
  struct wsm_message_queue *q = &c->manager->undelivered;
  const size_t had = q->count;
  if (!is_under_way(c) || !c->twin->leaves) return false;
  wsm_migration_forward(c->manager, c->twin->manager, now_of(c));
  if (q->count == had) return false;
  world_later(c->world, 0, on_settle, c->twin);
  return true;
}

static void end (struct client *c) {
  struct client *t = c->twin;
  size_t lost;
  wsm_migration_finish(c->manager, t->manager, &lost, now_of(c));
  c->fates.unplaced += lost;
  forget(t);
  TELL(c->world, "client %u: the connection before is over", c->number);
  world_later(c->world, 0, on_settle, c);
}

void migration_check (struct client *c) {
  struct client *t = c->twin;
  if (!is_under_way(c) || !t->leaves) return;
  if (t->manager->state != WSM_STATE_CLOSED &&
      c->manager->state != WSM_STATE_OPEN)
    abort_twin(t);
  if (t->manager->state == WSM_STATE_CLOSED) end(c);
}

static void leaving_turn (struct client *t) {
  struct client *c = t->original;
  const size_t had = c->manager->undelivered.count;
  wsm_migration_forward(c->manager, t->manager, now_of(c));
  while (wsm_manager_event(t->manager) != WSM_EVENT_NONE)
    wsm_manager_event_pop(t->manager);
  if (c->manager->undelivered.count != had || is_over(t->manager))
    world_later(c->world, 0, on_settle, c);
}

/* --- the new one --- */

#define EXCHANGE(type, field) \
  do { \
    type other = c->field; \
    c->field = t->field; \
    t->field = other; \
  } while (0)

static void exchange (struct client *c, struct client *t) {
  EXCHANGE(struct wsm_manager *, manager);
  EXCHANGE(struct tcp *, tcp);
  EXCHANGE(bool, connected);
  EXCHANGE(bool, blocked);
  EXCHANGE(bool, refused);
  EXCHANGE(struct scanner, out);
  EXCHANGE(struct scanner, in);
  EXCHANGE(uint64_t, message_ms);
  EXCHANGE(uint64_t, paused_ms);
  /* the options are the same, but for those of a connection that has no other */
  /* what was sent and received before counts, too: it has another number now */
  c->epoch_seen = c->manager->counters.epoch;
  c->manager->policy = &c->policy;
  t->manager->policy = &t->policy;
  driver_exchanged(c);
  driver_exchanged(t);
}

struct tcp *migration_leaving (const struct client *c) {
  return is_under_way(c) && c->twin->leaves ? c->twin->tcp : NULL;
}

uint64_t migration_place (const struct client *c, uint64_t connection) {
  unsigned i;
  for (i = 0; i < PLACES; i++)
    if (c->places[i].connection == connection && connection)
      return c->places[i].behind * 2 + 1;
  return connection == NEVER ? NEVER : connection * 2;
}

/* The one that was lost meanwhile may have connected once more. */
static void note_place (struct client *c) {
  const struct peer *p = tcp_owner(c->tcp, SERVER);
  struct place *place = &c->places[c->place_count % PLACES];
  if (p->number == c->account.connections) return;
  place->connection = p->number;
  place->behind = c->account.connections;
  c->place_count++;
}

/* What the new one has sent counts for both, as if it had done so now. */
static void add_sends (struct client *c, const struct client *t) {
  uint64_t i;
  for (i = 0; i < t->sends.count && i < t->sends.limit; i++)
    window_note(&c->sends, now_of(c));
}

static void begin_anew (struct client *c) {
  c->opened_ms = c->heard_ms = c->answered_ms = now_of(c);
  c->free_ms = c->clear_ms = c->written_ms = c->hung_up_ms = now_of(c);
  c->progress = c->written = 0;
  c->ended_ms = NEVER;
  c->recovered = c->hurries = false;
  c->failures = 0;
  c->last_attempts = c->manager->counters.attempts;
  c->last_state = WSM_STATE_OPEN;
  c->resent_below = c->sent;
  c->holds_two = true;
  window_move_last(&c->attempts, now_of(c));
  c->world->tally.opens++;
  c->world->tally.migrated++;
}

static void take_place (struct client *c) {
  static const struct wsm_close_params params = { WSM_NORMAL, NULL, 0 };
  struct client *t = c->twin;
  if (!wsm_migration_begin(t->manager, c->manager, now_of(c))) exit(2);
  exchange(c, t);
  note_place(c);
  add_sends(c, t);
  begin_anew(c);
  t->leaves = true;
  t->last_attempts = 0; /* its manager has handed its counters over */
  t->turn = leaving_turn;
  TELL(c->world, "client %u: migrated to connection %llu", c->number,
       (unsigned long long)c->account.connections);
  if (t->manager->state == WSM_STATE_OPEN)
    wsm_manager_close(t->manager, &params, now_of(c));
  else if (t->manager->state != WSM_STATE_CLOSED) abort_twin(t);
  driver_settle(t);
  driver_settle(c);
}

/* Its program may be busy meanwhile. */
static void on_decided (void *object, uint64_t value) {
  struct client *c = object, *t = c->twin;
  (void)value;
  if (!t->manager || t->leaves) return;
  if (now_of(c) < c->program_until_ms) {
    world_later(c->world, c->program_until_ms - now_of(c), on_decided, c);
  } else if (t->manager->state == WSM_STATE_OPEN && !is_over(c->manager)) {
    take_place(c);
  } else {
    TELL(c->world, "client %u: migrates no more", c->number);
    abort_twin(t);
    forget(t);
  }
}

static void candidates_turn (struct client *t) {
  struct wsm_manager *m = t->manager;
  while (wsm_manager_event(m) != WSM_EVENT_NONE) {
    const enum wsm_event event = wsm_manager_event(m);
    wsm_manager_event_pop(m);
    if (event == WSM_EVENT_OPEN || event == WSM_EVENT_CLOSE)
      world_later(t->world, 0, on_decided, t->original);
    else application_log_in(t, event);
  }
  application_log_in(t, WSM_EVENT_NONE);
}

/* --- both --- */

static struct client *twin_of (struct client *c) {
  struct client *t = c->twin ? c->twin : calloc(1, sizeof *t);
  if (!t) exit(2);
  memset(t, 0, sizeof *t);
  t->world = c->world;
  t->number = c->number;
  t->original = c;
  t->policy = c->policy;
  t->policy.reconnect = t->policy.ask_verdict = t->policy.ask_target = false;
  t->random = random_split(&c->random);
  t->request = c->request;
  t->way = c->way;
  t->ended_ms = t->timer_ms = t->overdue_ms = NEVER;
  t->turn = candidates_turn;
  options_set_windows(t);
  c->twin = t;
  return t;
}

void migration_start (struct client *c) {
  struct client *t;
  if (!c->migrates || is_under_way(c)) return;
  if (c->manager->state != WSM_STATE_OPEN || now_of(c) < c->program_until_ms)
    return;
  TELL(c->world, "client %u: migrates", c->number);
  t = twin_of(c);
  t->manager = world_manager(t);
  if (!wsm_migration_prepare(t->manager, c->manager, now_of(c))) exit(2);
  driver_start(t);
  if (t->manager->state == WSM_STATE_WAITING)
    world_later(c->world, 0, on_decided, c);
}

void migration_free (struct client *c) {
  if (is_under_way(c)) forget(c->twin);
  free(c->twin);
}
