#include "invariants.h"

#include <stdarg.h>
#include <stdio.h>

#include "model_server.h"

#define LATE_MS 1100 /* a deadline may be met a second late */
#define HANG_UP_MS 5000
#define CHECK_MS 1000 /* between two looks of invariant_dead */
#define READ 131072   /* of one read, before a full inbox stops the next */

static uint64_t now_of (const struct client *c) {
  return c->world->schedule.now_ms;
}

void invariant_broken (struct world *w, enum broken what, const char *format,
                       ...) {
  char time[24];
  va_list list;
  if (w->failed) return;
  w->failed = true;
  w->tally.broken++;
  if (what == BROKEN_LOST) w->tally.lost++;
  if (what == BROKEN_DOUBLED) w->tally.doubled++;
  if (what == BROKEN_ORDER) w->tally.disordered++;
  story_print_last(&w->story);
  story_time(time, w->schedule.now_ms);
  printf("\nDOES NOT HOLD: seed %llu, %s: ", (unsigned long long)w->seed, time);
  va_start(list, format);
  vprintf(format, list);
  va_end(list);
  printf("\nsee it again: make simulate SEED=%llu DAYS=%llu\n\n",
         (unsigned long long)w->seed, (unsigned long long)(w->end_ms / DAY_MS));
  fflush(stdout);
}

/* --- messages --- */

void invariant_order (struct client *c, const char *whose, uint64_t expected,
                      uint64_t number) {
  if (number == expected) return;
  invariant_broken(c->world, number < expected ? BROKEN_DOUBLED : BROKEN_LOST,
                   "client %u: %s message %llu came where %llu was due",
                   c->number, whose, (unsigned long long)number,
                   (unsigned long long)expected);
}

/* --- attempts --- */

void invariant_note_end (struct client *c) {
  const struct wsm_manager *m = &c->manager;
  const bool stable = c->opened_ms &&
                      now_of(c) - c->opened_ms >= c->policy.stable_ms;
  c->orderly = m->error.token == WSM_NONE && m->clean;
  c->failures = stable ? 1 : c->failures + 1;
  if (c->calls_reconnect) c->failures = 0;
  c->opened_ms = 0;
  if (m->error.token != WSM_HANDSHAKE) c->retry_after_ms = 0;
  c->ended_ms = now_of(c);
}

/* RECONNECT of the README: delay, times factor each time, at most max_delay. */
static double whole_delay (const struct client *c) {
  const struct wsm_policy *p = &c->policy;
  double delay = p->delay_ms;
  const double cap = p->max_delay_ms > p->delay_ms ? p->max_delay_ms
                                                   : p->delay_ms;
  uint32_t i;
  for (i = 1; i < c->failures && delay < cap; i++) delay *= p->factor;
  return delay < cap ? delay : cap;
}

static void check_wait (struct client *c) {
  const struct wsm_policy *p = &c->policy;
  const double whole = whole_delay(c), pause = c->orderly ? p->pause_ms : 0;
  const double waited = (double)(now_of(c) - c->ended_ms);
  double low = whole * (1 - p->jitter), high = whole + pause;
  const double asked = (double)c->retry_after_ms;
  if (low < 100) low = whole < 100 ? whole : 100;
  if (c->recovered && low + pause > 1000) low = 1000 - pause;
  c->recovered = false;
  if (waited + 1 < low + pause || waited < asked)
    invariant_broken(c->world, BROKEN_OTHER,
                     "client %u: attempt %u came %.3f s after the end, not "
                     "before %.3f s was agreed",
                     c->number, c->failures, waited / 1000,
                     (asked > low + pause ? asked : low + pause) / 1000);
  if (high < asked) high = asked;
  if (c->free_ms < c->ended_ms && waited > high + LATE_MS)
    invariant_broken(c->world, BROKEN_OTHER,
                     "client %u: attempt %u came %.3f s after the end, not "
                     "within %.3f s",
                     c->number, c->failures, waited / 1000, high / 1000);
}

static void count_attempt (struct client *c) {
  struct histogram *h = c->world->histogram;
  uint64_t bucket;
  if (!h) return;
  bucket = (now_of(c) - h->from_ms) / h->bucket_ms;
  if (bucket < h->buckets) h->counts[bucket]++;
}

static void check_attempt (struct client *c) {
  const uint64_t attempts = c->manager.counters.attempts;
  if (attempts == c->last_attempts) return;
  c->world->tally.attempts += attempts - c->last_attempts;
  count_attempt(c);
  if (attempts != c->last_attempts + 1)
    invariant_broken(c->world, BROKEN_OTHER, "client %u: two attempts at once",
                     c->number);
  c->last_attempts = attempts;
  if (c->ended_ms != NEVER && !c->calls_reconnect) check_wait(c);
  c->ended_ms = NEVER;
  c->retry_after_ms = 0;
}

/* --- states --- */

static bool is_queued (const struct client *c, enum wsm_event event) {
  return wsm_events_has(&c->manager.events, event);
}

/* An event, a deadline or the network ends every state. */
static bool has_end (const struct client *c) {
  const struct wsm_manager *m = &c->manager;
  const bool clock = wsm_manager_deadline(m) != WSM_NEVER;
  switch (m->state) {
    case WSM_STATE_CONNECTING:
      return clock || is_queued(c, WSM_EVENT_TARGET);
    case WSM_STATE_LOGIN:
      return clock;
    case WSM_STATE_WAITING:
      return clock || m->events.count > 0;
    case WSM_STATE_CLOSING:
      return clock;
    case WSM_STATE_OPEN:
      return clock || m->paused || !c->policy.heartbeat.timeout_ms;
    default:
      return c->tcp == NULL;
  }
}

void invariant_state (struct client *c) {
  const struct wsm_manager *m = &c->manager;
  check_attempt(c);
  if (!has_end(c))
    invariant_broken(c->world, BROKEN_OTHER,
                     "client %u: state %u waits for nothing", c->number,
                     (unsigned)m->state);
  if (wsm_manager_deadline(m) > now_of(c)) c->overdue_ms = NEVER;
  else if (c->overdue_ms > now_of(c)) c->overdue_ms = now_of(c);
  if (c->overdue_ms < now_of(c) && now_of(c) - c->overdue_ms > LATE_MS &&
      c->free_ms < c->overdue_ms)
    invariant_broken(
      c->world, BROKEN_OTHER,
      "client %u: state %u has a deadline that stays in the past", c->number,
      (unsigned)m->state);
  if (wsm_manager_is_paused(m) && wsm_inbox_unread(m) == 0 &&
      m->state == WSM_STATE_OPEN)
    invariant_broken(c->world, BROKEN_OTHER,
                     "client %u: everything was taken, and nothing is read",
                     c->number);
  c->last_state = m->state;
  invariant_memory(c);
}

/* --- memory --- */

static void check_bound (struct client *c, const char *what, size_t size,
                         size_t bound) {
  if (size <= bound) return;
  invariant_broken(c->world, BROKEN_OTHER,
                   "client %u: %zu in the %s, which may hold %zu", c->number,
                   size, what, bound);
}

void invariant_outbox (struct client *c) {
  const struct wsm_manager *m = &c->manager;
  check_bound(c, "outbox (messages)", m->outbox.count,
              c->policy.outbox_messages);
  check_bound(c, "outbox (bytes)", m->outbox.payload, c->policy.outbox_bytes);
}

void invariant_memory (struct client *c) {
  const struct wsm_manager *m = &c->manager;
  const struct wsm_policy *p = &c->policy;
  /* what was in the output of a connection that is lost comes back */
  const size_t back = p->output_bytes + MAX_MESSAGE;
  check_bound(c, "outbox", m->outbox.payload, p->outbox_bytes + back);
  check_bound(c, "output", wsm_manager_pending(m),
              p->output_bytes + MAX_MESSAGE + 1000);
  if (wsm_delivery_messages(m))
    check_bound(c, "unacknowledged (messages)", wsm_delivery_messages(m)->count,
                p->unacknowledged_messages);
  check_bound(c, "inbox", wsm_inbox_unread(m),
              p->inbox_bytes + MAX_MESSAGE + READ);
}

/* --- dead and alive --- */

/* What the peer has, at the most, to show that it lives once nothing is in its
** way: it answers, there and back again. */
static uint64_t grace_of (const struct client *c) {
  return c->world->answer_ms + 4 * c->path.latency_ms + LATE_MS;
}

void invariant_alive (struct client *c) {
  const struct wsm_manager *m = &c->manager;
  if (m->error.token != WSM_TIMEOUT || !wsm_state_was_open(m)) return;
  if (c->last_state != WSM_STATE_OPEN && c->last_state != WSM_STATE_LOGIN)
    return;
  if (now_of(c) <= c->fault_ms + grace_of(c)) return;
  if (now_of(c) <= c->excuse_ms + grace_of(c)) return;
  invariant_broken(
    c->world, BROKEN_OTHER,
    "client %u: a live peer was dropped (%s); nothing was in its "
    "way for %.1f s",
    c->number, m->error.detail, (double)(now_of(c) - c->fault_ms) / 1000);
}

static uint64_t later_of (uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

/* When it must be known that the peer is dead, if nothing more happens. */
static uint64_t known_by (const struct client *c) {
  const struct wsm_policy *p = &c->policy;
  const uint64_t answer = p->heartbeat.timeout_ms - p->heartbeat.interval_ms;
  const bool always = p->heartbeat.mode == WSM_HEARTBEAT_ALWAYS;
  const bool by_ack = always && p->heartbeat.ack &&
                      !wsm_manager_has_message(&c->manager);
  const uint64_t heard = by_ack ? later_of(c->answered_ms, c->slow_ms + answer)
                                : c->heard_ms;
  uint64_t at = later_of(heard, c->opened_ms) + p->heartbeat.timeout_ms;
  if (p->heartbeat.mode == WSM_HEARTBEAT_SENT || (always && !by_ack))
    at += answer;
  at = later_of(at, c->free_ms + p->heartbeat.timeout_ms);
  /* an answer that was taken late answers what was sent meanwhile, too */
  at = later_of(at, c->answered_ms + p->heartbeat.timeout_ms);
  at = later_of(at, c->progress_ms + answer + answer / 4);
  /* nothing is read: what TCP acknowledges is the answer */
  if (c->manager.paused)
    at = later_of(at, c->clear_ms + p->heartbeat.timeout_ms);
  return at + 2 * LATE_MS + CHECK_MS;
}

void invariant_dead (struct client *c) {
  uint64_t acknowledged;
  if (c->manager.state != WSM_STATE_OPEN || !c->tcp) return;
  if (now_of(c) < c->program_until_ms) return;
  acknowledged = tcp_acknowledged(c->tcp, CLIENT);
  if (acknowledged != c->progress) c->progress_ms = now_of(c);
  c->progress = acknowledged;
  if (wsm_manager_has_message(&c->manager)) c->slow_ms = now_of(c);
  if (acknowledged == tcp_written(c->tcp, CLIENT)) c->clear_ms = now_of(c);
  if (now_of(c) <= known_by(c)) return;
  invariant_broken(c->world, BROKEN_OTHER,
                   "client %u: nothing was heard for %.1f s, and the peer does "
                   "not count as dead",
                   c->number, (double)(now_of(c) - c->heard_ms) / 1000);
}

/* A peer that needs our heartbeats gets them, but for mode received. */
void invariant_rhythm (struct client *c) {
  const struct wsm_policy *p = &c->policy;
  uint64_t since;
  if (c->manager.state != WSM_STATE_OPEN || !c->tcp) return;
  if (tcp_written(c->tcp, CLIENT) != c->written || c->blocked)
    c->written_ms = now_of(c);
  c->written = tcp_written(c->tcp, CLIENT);
  since = later_of(later_of(c->written_ms, c->opened_ms), c->free_ms);
  if (p->heartbeat.mode == WSM_HEARTBEAT_RECEIVED) return;
  if (now_of(c) < c->program_until_ms) return;
  if (now_of(c) <= since + p->heartbeat.interval_ms + LATE_MS + 2 * CHECK_MS)
    return;
  invariant_broken(c->world, BROKEN_OTHER,
                   "client %u: nothing was sent for %.1f s, and no heartbeat",
                   c->number, (double)(now_of(c) - since) / 1000);
}

void invariant_hung_up (struct client *c) {
  if (c->manager.state != WSM_STATE_OPEN || !c->tcp || !c->connected ||
      now_of(c) < c->program_until_ms ||
      tcp_hung_up(c->tcp, CLIENT) == TCP_LIVES) {
    c->hung_up_ms = now_of(c);
    return;
  }
  if (now_of(c) <= c->hung_up_ms + HANG_UP_MS + LATE_MS + CHECK_MS) return;
  invariant_broken(c->world, BROKEN_OTHER,
                   "client %u: the peer has ended the connection %.1f s ago, "
                   "and its state is open",
                   c->number, (double)(now_of(c) - c->hung_up_ms) / 1000);
}

/* --- the end --- */

void invariant_recovered (struct client *c) {
  const struct wsm_manager *m = &c->manager;
  if (m->state != WSM_STATE_OPEN)
    invariant_broken(c->world, BROKEN_OTHER,
                     "client %u: all faults are over for long, and its state "
                     "is %u",
                     c->number, (unsigned)m->state);
  if (c->account.confirms &&
      (c->account.expected != c->sent || c->confirmed != c->account.pushed))
    invariant_broken(c->world, BROKEN_LOST,
                     "client %u: of %llu messages the server has %llu, and of "
                     "%llu of its own the application %llu",
                     c->number, (unsigned long long)c->sent,
                     (unsigned long long)c->account.expected,
                     (unsigned long long)c->account.pushed,
                     (unsigned long long)c->confirmed);
  if (m->outbox.count > 0)
    invariant_broken(c->world, BROKEN_LOST,
                     "client %u: %zu messages wait in the outbox for ever",
                     c->number, m->outbox.count);
}
