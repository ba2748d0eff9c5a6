#include "invariants.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "attempts.h"
#include "model_server.h"

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

/* --- states --- */

static bool is_queued (const struct client *c, enum wsm_event event) {
  return wsm_events_has(&c->manager->events, event);
}

/* An event, a deadline or the network ends every state. */
static bool has_end (const struct client *c) {
  const struct wsm_manager *m = c->manager;
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
  const struct wsm_manager *m = c->manager;
  attempts_check(c);
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

static void check_outbox (struct client *c) {
  const struct wsm_manager *m = c->manager;
  check_bound(c, "outbox (messages)", m->outbox.count,
              c->policy.outbox_messages);
  check_bound(c, "outbox (bytes)", m->outbox.payload, c->policy.outbox_bytes);
}

void invariant_memory (struct client *c) {
  const struct wsm_manager *m = c->manager;
  const struct wsm_policy *p = &c->policy;
  /* what was in the output of a connection that is lost comes back */
  const size_t back = p->output_bytes + MAX_MESSAGE;
  check_bound(c, "outbox", m->outbox.payload, p->outbox_bytes + back);
  check_bound(c, "output", wsm_manager_pending(m),
              p->output_bytes + MAX_MESSAGE + 1000);
  if (wsm_delivery_messages(m))
    check_bound(c, "unacknowledged (messages)", wsm_delivery_messages(m)->count,
                p->unacknowledged_messages);
  if (!m->held && wsm_inbox_unread(m) <= p->inbox_bytes) c->holds_two = false;
  check_bound(c, "inbox", wsm_inbox_unread(m),
              (p->inbox_bytes + MAX_MESSAGE + READ) * (c->holds_two ? 2 : 1));
}

/* --- sending --- */

/* It is refused only where there is no room for it. */
static bool is_refused_rightly (const struct client *c,
                                const struct wsm_message *message) {
  const struct wsm_manager *m = c->manager;
  const struct wsm_policy *p = &c->policy;
  if (m->hold || wsm_manager_pending(m) >= p->output_bytes) return true;
  return m->outbox.count >= p->outbox_messages ||
         m->outbox.payload + message->length > p->outbox_bytes;
}

void invariant_sent (struct client *c, const struct wsm_message *message,
                     const struct wsm_terms *terms, enum wsm_sent sent) {
  const bool large = message->length > c->policy.send_bytes;
  if (sent == WSM_SENT_LATER) check_outbox(c);
  if ((sent == WSM_SEND_TOOBIG) == large &&
      !(sent == WSM_SENT_LATER && terms->is_volatile) &&
      !(sent == WSM_SEND_FULL && !terms->is_volatile &&
        !is_refused_rightly(c, message)))
    return;
  invariant_broken(
    c->world, BROKEN_OTHER, "client %u: %zu bytes%s were sent: %u", c->number,
    message->length, terms->is_volatile ? ", volatile," : "", (unsigned)sent);
}

void invariant_send_rate (struct client *c, bool urgent) {
  const struct wsm_policy *p = &c->policy;
  const bool fits = window_note(&c->sends, now_of(c));
  const bool leaves = urgent || window_note(&c->usual_sends, now_of(c));
  if (fits && leaves) return;
  invariant_broken(
    c->world, BROKEN_OTHER,
    "client %u: more than %u messages, or %u beside the reserve, "
    "in %g s",
    c->number, p->rate_limit, p->rate_limit - p->rate_reserve,
    p->rate_per_ms / 1000.0);
}

/* --- dead and alive --- */

/* What the peer has, at the most, to show that it lives once nothing is in its
** way: it answers, there and back again. */
static uint64_t grace_of (const struct client *c) {
  return c->world->answer_ms + 4 * c->path.latency_ms + LATE_MS;
}

/* Nothing was heard, or no message, for as long as it was to be. */
static bool is_plain_silence (struct client *c) {
  const struct wsm_manager *m = c->manager;
  const struct wsm_heartbeat_rules *r = &c->policy.heartbeat;
  if (strstr(m->error.detail, "no message"))
    return c->silence_ms && now_of(c) >= c->message_ms + c->silence_ms;
  return !r->interval_ms && now_of(c) >= c->heard_ms + r->timeout_ms;
}

void invariant_alive (struct client *c) {
  const struct wsm_manager *m = c->manager;
  if (m->error.token != WSM_TIMEOUT || !wsm_state_was_open(m)) return;
  if (c->last_state != WSM_STATE_OPEN && c->last_state != WSM_STATE_LOGIN)
    return;
  if (is_plain_silence(c)) return;
  if (now_of(c) <= c->fault_ms + grace_of(c)) return;
  if (now_of(c) <= c->excuse_ms + grace_of(c)) return;
  if (now_of(c) <= c->upload_ms + grace_of(c)) return;
  invariant_broken(
    c->world, BROKEN_OTHER,
    "client %u: a live peer was dropped (%s); nothing was in its "
    "way for %.1f s",
    c->number, m->error.detail, (double)(now_of(c) - c->fault_ms) / 1000);
}

static uint64_t later_of (uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

/* Of this connection: behind what the one before it still receives, too. */
static bool is_untaken (const struct client *c) {
  return wsm_manager_has_message(c->manager) ||
         wsm_manager_holds_message(c->manager);
}

/* When it must be known that the peer is dead, if nothing more happens. */
static uint64_t answer_of (const struct client *c) {
  return c->policy.heartbeat.timeout_ms - c->policy.heartbeat.interval_ms;
}

/* The same where nothing of an upload counts. */
static uint64_t silent_by (const struct client *c) {
  const struct wsm_policy *p = &c->policy;
  const uint64_t answer = answer_of(c);
  const bool beats = p->heartbeat.interval_ms != 0;
  const bool always = beats && p->heartbeat.mode == WSM_HEARTBEAT_ALWAYS;
  const bool by_ack = always && p->heartbeat.ack && !is_untaken(c);
  const uint64_t heard = by_ack ? later_of(c->answered_ms, c->slow_ms + answer)
                                : c->heard_ms;
  uint64_t at = later_of(heard, c->opened_ms) + p->heartbeat.timeout_ms;
  if ((beats && p->heartbeat.mode == WSM_HEARTBEAT_SENT) || (always && !by_ack))
    at += answer;
  at = later_of(at, c->free_ms + p->heartbeat.timeout_ms);
  /* an answer that was taken late answers what was sent meanwhile, too */
  return later_of(at, c->answered_ms + p->heartbeat.timeout_ms);
}

static uint64_t known_by (const struct client *c) {
  const struct wsm_policy *p = &c->policy;
  const uint64_t answer = answer_of(c);
  const bool beats = p->heartbeat.interval_ms != 0;
  uint64_t at = silent_by(c);
  if (!p->heartbeat.timeout_ms) return NEVER;
  /* without heartbeats it is looked for at the end of the time alone */
  at = later_of(at, c->progress_ms + answer + (beats ? answer / 4 : answer));
  /* nothing is read: what TCP acknowledges is the answer */
  if (c->manager->paused)
    at = later_of(at, c->clear_ms + p->heartbeat.timeout_ms);
  return at + 2 * LATE_MS + CHECK_MS;
}

/* The peer's TCP has acknowledged the heartbeat that it ought to answer, and the
** ping behind that. What follows is no upload but where the kernel is full, and then
** the next heartbeat counts. */
static bool has_heartbeat (const struct client *c) {
  const uint64_t asked = silent_by(c) - answer_of(c) / 2;
  const uint64_t next = c->blocked_ms + c->policy.heartbeat.timeout_ms;
  return c->clear_ms > later_of(asked, next) + LATE_MS + CHECK_MS;
}

/* Is it one that the rules count? Without heartbeats it does where the kernel is full
** when it is looked for. */
static void note_progress (struct client *c, uint64_t acknowledged) {
  const bool blocked = c->manager->paused || c->blocked ||
                       now_of(c) <= c->blocked_ms + 2 * CHECK_MS;
  const bool beats = c->policy.heartbeat.interval_ms != 0;
  if (acknowledged != c->progress) c->acknowledged_ms = now_of(c);
  if (blocked && !beats) c->progress_ms = c->acknowledged_ms;
  else if (acknowledged != c->progress && (blocked || !has_heartbeat(c)))
    c->progress_ms = now_of(c);
  c->progress = acknowledged;
}

void invariant_dead (struct client *c) {
  uint64_t acknowledged;
  if (c->manager->state != WSM_STATE_OPEN || !c->tcp) return;
  if (now_of(c) < c->program_until_ms) return;
  acknowledged = tcp_acknowledged(c->tcp, CLIENT);
  note_progress(c, acknowledged);
  if (is_untaken(c)) c->slow_ms = now_of(c);
  if (acknowledged == tcp_written(c->tcp, CLIENT) &&
      wsm_manager_pending(c->manager) == 0)
    c->clear_ms = now_of(c);
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
  if (c->manager->state != WSM_STATE_OPEN || !c->tcp) return;
  if (tcp_written(c->tcp, CLIENT) != c->written || c->blocked)
    c->written_ms = now_of(c);
  c->written = tcp_written(c->tcp, CLIENT);
  since = later_of(later_of(c->written_ms, c->opened_ms), c->free_ms);
  if (p->heartbeat.mode == WSM_HEARTBEAT_RECEIVED || !p->heartbeat.interval_ms)
    return;
  if (now_of(c) < c->program_until_ms) return;
  if (now_of(c) <= since + p->heartbeat.interval_ms + LATE_MS + 2 * CHECK_MS)
    return;
  invariant_broken(c->world, BROKEN_OTHER,
                   "client %u: nothing was sent for %.1f s, and no heartbeat",
                   c->number, (double)(now_of(c) - since) / 1000);
}

void invariant_silence (struct client *c) {
  const uint32_t silence_ms = c->silence_ms;
  uint64_t since = later_of(c->message_ms, c->opened_ms);
  if (!silence_ms || c->manager->state != WSM_STATE_OPEN || !c->tcp) return;
  if (c->manager->paused || now_of(c) < c->program_until_ms) return;
  since = later_of(later_of(since, c->slow_ms), c->free_ms);
  if (now_of(c) <= since + silence_ms + 2 * LATE_MS + CHECK_MS) return;
  invariant_broken(c->world, BROKEN_OTHER,
                   "client %u: no message came for %.1f s, and its state is "
                   "open",
                   c->number, (double)(now_of(c) - c->message_ms) / 1000);
}

void invariant_hung_up (struct client *c) {
  if (c->manager->state != WSM_STATE_OPEN || !c->tcp || !c->connected ||
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
  const struct wsm_manager *m = c->manager;
  if (m->state != WSM_STATE_OPEN)
    invariant_broken(c->world, BROKEN_OTHER,
                     "client %u: all faults are over for long, and its state "
                     "is %u",
                     c->number, (unsigned)m->state);
  if (c->account.confirms && c->confirmed != c->account.pushed)
    invariant_broken(c->world, BROKEN_LOST,
                     "client %u: of %llu messages of the server the "
                     "application has %llu",
                     c->number, (unsigned long long)c->account.pushed,
                     (unsigned long long)c->confirmed);
  if (m->outbox.count > 0)
    invariant_broken(c->world, BROKEN_LOST,
                     "client %u: %zu messages wait in the outbox for ever",
                     c->number, m->outbox.count);
}
