#include "manager/heartbeat.h"

#include <string.h>
#include "base/memory.h"
#include "base/random.h"
#include "manager/sending.h"
#include "base/hidden.h"

#define ANSWER_MS 1000  /* a heartbeat this long before death may be late */
#define LATE_MS 1000    /* a tick: the program was blocked, or suspended */
#define LOOKS 4         /* within the time to answer */
#define HANG_UP_MS 5000 /* a peer's end is looked for behind a full inbox */
#define READ_MS 10      /* for the driver to read what it found to be there */

static uint64_t earlier (uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

static uint64_t later (uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

/* --- times --- */

/* The time to answer; without heartbeats all of the timeout. */
static uint32_t span (const struct wsm_heartbeat_rules *r) {
  if (!r->timeout_ms) return 0;
  return r->interval_ms < r->timeout_ms ? r->timeout_ms - r->interval_ms : 1;
}

static uint32_t look_after (const struct wsm_heartbeat_rules *r) {
  const uint32_t ms = span(r) / LOOKS;
  return ms ? ms : 1;
}

/* A message that nobody has taken may be the answer. */
static bool is_judged_by_ack (const struct wsm_manager *m) {
  return wsm_heartbeat_rules(m)->ack && !m->session.has_message &&
         m->undelivered.count == 0;
}

static bool is_unanswered (const struct wsm_manager *m) {
  const struct wsm_heartbeat *h = &m->heartbeat;
  return h->unanswered && (is_judged_by_ack(m) || !h->heard);
}

static uint64_t quiet_since (const struct wsm_manager *m) {
  switch (wsm_heartbeat_rules(m)->mode) {
    case WSM_HEARTBEAT_EITHER:
      return earlier(m->received_ms, m->sent_ms);
    case WSM_HEARTBEAT_RECEIVED:
      return m->received_ms;
    case WSM_HEARTBEAT_SENT:
      return m->sent_ms;
    default:
      return m->heartbeat.sent_ms;
  }
}

/* When the next heartbeat is due. */
static uint64_t due_at (const struct wsm_manager *m) {
  const struct wsm_heartbeat_rules *r = wsm_heartbeat_rules(m);
  const struct wsm_heartbeat *h = &m->heartbeat;
  uint64_t at_ms;
  if (!r->interval_ms) return WSM_NEVER;
  at_ms = later(quiet_since(m), h->sent_ms) + r->interval_ms - h->ahead_ms;
  if (!r->timeout_ms || is_unanswered(m)) return at_ms;
  return earlier(at_ms, m->received_ms + r->timeout_ms);
}

/* When a peer that is silent from now on is dead. */
static uint64_t dead_at (const struct wsm_manager *m) {
  const struct wsm_heartbeat_rules *r = wsm_heartbeat_rules(m);
  const struct wsm_heartbeat *h = &m->heartbeat;
  if (!r->timeout_ms) return WSM_NEVER;
  if (m->paused) return h->clear ? WSM_NEVER : h->stalled_ms + span(r);
  if (!r->interval_ms)
    return later(m->received_ms, h->begun_ms) + r->timeout_ms;
  if (!is_unanswered(m)) return WSM_NEVER;
  if (is_judged_by_ack(m)) return h->begun_ms + span(r);
  return later(h->begun_ms + span(r), m->received_ms + r->timeout_ms);
}

static uint64_t silent_at (const struct wsm_manager *m) {
  const uint32_t silence_ms = wsm_heartbeat_rules(m)->silence_ms;
  if (m->paused) return WSM_NEVER;
  return wsm_state_after(m->heartbeat.message_ms, silence_ms);
}

/* The next look at what the peer acknowledges. */
static uint64_t look_at (const struct wsm_manager *m, uint64_t now_ms) {
  const struct wsm_heartbeat_rules *r = wsm_heartbeat_rules(m);
  const uint64_t begun_ms = m->heartbeat.begun_ms;
  const uint32_t look_ms = look_after(r);
  if (m->paused)
    return now_ms + (r->timeout_ms ? earlier(look_ms, HANG_UP_MS) : HANG_UP_MS);
  if (!r->timeout_ms || !r->interval_ms || !is_unanswered(m)) return WSM_NEVER;
  return begun_ms + ((now_ms - begun_ms) / look_ms + 1) * look_ms;
}

static void schedule (struct wsm_manager *m, uint64_t now_ms) {
  uint64_t at_ms = earlier(due_at(m), look_at(m, now_ms));
  at_ms = earlier(at_ms, earlier(dead_at(m), silent_at(m)));
  m->heartbeat.look_ms = at_ms > now_ms ? at_ms : now_ms + READ_MS;
}

/* --- from outside --- */

static void free_own (struct wsm_heartbeat *h) {
  if (h->own) wsm_heartbeat_rules_free(h->own);
  wsm_free(h->own);
  h->own = NULL;
}

/* Its policy may be gone: a server's is freed with the server. */
void wsm_heartbeat_free (struct wsm_manager *m) {
  free_own(&m->heartbeat);
  if (m->pings) wsm_pings_free(m->pings);
  wsm_free(m->pings);
  wsm_free(m->latencies);
  m->pings = m->session.awaited = NULL;
  m->latencies = NULL;
}

/* Heartbeats as after the opening; how far the peer is known to be stays. */
static void begin (struct wsm_manager *m, uint64_t now_ms) {
  const struct wsm_heartbeat_rules *r = wsm_heartbeat_rules(m);
  struct wsm_heartbeat *h = &m->heartbeat;
  const double part = r->jitter > 0 ? wsm_random_next(&m->jitter_seed) : 0;
  h->sent_ms = h->begun_ms = h->message_ms = now_ms;
  h->ahead_ms = (uint32_t)(r->interval_ms * r->jitter * part);
  h->unanswered = h->forgiven = h->pinged = false;
  schedule(m, now_ms);
}

void wsm_heartbeat_start (struct wsm_manager *m, uint64_t now_ms) {
  struct wsm_heartbeat *h = &m->heartbeat;
  struct wsm_heartbeat_rules *own = h->own;
  memset(h, 0, sizeof *h);
  h->own = own;
  m->received_ms = h->stalled_ms = h->paused_ms = now_ms;
  m->ping_ms = WSM_NEVER;
  begin(m, now_ms);
}

bool wsm_heartbeat_set (struct wsm_manager *m,
                        const struct wsm_heartbeat_rules *rules,
                        uint64_t now_ms) {
  struct wsm_heartbeat *h = &m->heartbeat;
  struct wsm_heartbeat_rules *own = NULL;
  if (rules) {
    own = wsm_alloc(sizeof *own);
    if (!own || !wsm_heartbeat_rules_copy(own, rules)) {
      wsm_free(own);
      return false;
    }
  }
  free_own(h);
  h->own = own;
  if (wsm_state_is_live(m)) begin(m, now_ms);
  return true;
}

void wsm_heartbeat_wrote (struct wsm_manager *m, size_t n, uint64_t now_ms) {
  struct wsm_heartbeat *h = &m->heartbeat;
  if (h->clear && n > 0) {
    h->clear = false;
    h->stalled_ms = now_ms;
  }
  h->waiting -= n < h->waiting ? n : h->waiting;
  if (wsm_session_pending(&m->session) == 0) h->waiting = 0;
  h->ping_waits = h->ping_waits && h->waiting > 0;
  if (h->waiting == 0 && h->stage == WSM_HEARTBEAT_QUEUED) {
    h->stage = WSM_HEARTBEAT_TAKEN;
    h->report_due = true;
  }
  h->watching = h->waiting > 0 || h->clear;
}

void wsm_heartbeat_pause (struct wsm_manager *m, uint64_t now_ms) {
  struct wsm_heartbeat *h = &m->heartbeat;
  if (m->paused) return;
  m->paused = true;
  m->counters.pauses++;
  wsm_state_note_number(m, WSM_NOTE_PAUSED, wsm_session_unread(&m->session),
                        now_ms);
  h->clear = h->hung_up = false;
  h->paused_ms = h->stalled_ms = now_ms;
  h->report_due = true;
  schedule(m, now_ms);
}

/* What was not read meanwhile is read next. */
void wsm_heartbeat_resume (struct wsm_manager *m, uint64_t now_ms) {
  struct wsm_heartbeat *h = &m->heartbeat;
  if (!m->paused) return;
  m->paused = h->clear = h->pinged = false;
  h->begun_ms = now_ms;
  h->message_ms += now_ms - h->paused_ms;
  wsm_state_note_number(m, WSM_NOTE_RESUMED, now_ms - h->paused_ms, now_ms);
  h->watching = h->waiting > 0;
  schedule(m, now_ms);
}

void wsm_heartbeat_report (struct wsm_manager *m,
                           const struct wsm_delivery *delivery,
                           uint64_t now_ms) {
  struct wsm_heartbeat *h = &m->heartbeat;
  const bool outstanding = delivery->acknowledged < delivery->written;
  if (delivery->acknowledged > h->acknowledged) {
    h->progressed = true;
    h->stalled_ms = now_ms;
  }
  if (h->clear && outstanding) h->stalled_ms = now_ms;
  h->clear = m->paused && !outstanding;
  h->watching = h->waiting > 0 || h->clear;
  h->acknowledged = delivery->acknowledged;
  h->blocked = delivery->blocked;
  h->readable = delivery->readable;
  h->hung_up = delivery->hung_up;
  h->report_due = false;
  if (h->stage != WSM_HEARTBEAT_TAKEN) return;
  h->stage = WSM_HEARTBEAT_WRITTEN;
  h->end = delivery->written;
}

/* --- pings and pongs --- */

static void note_latency (struct wsm_manager *m, uint64_t ms, uint64_t now_ms) {
  wsm_state_note_number(m, WSM_NOTE_PONG, ms, now_ms);
  if (!m->latencies) m->latencies = wsm_zalloc(sizeof *m->latencies);
  if (m->latencies) wsm_latency_note(m->latencies, ms);
  if (m->totals)
    wsm_histogram_note(&m->totals->round_trip, &wsm_round_trip_bounds, ms);
}

static void note_awaited (struct wsm_manager *m, uint64_t now_ms) {
  struct wsm_pings *p = m->pings;
  while (p->noted < p->answered) {
    struct wsm_ping *ping = &p->list[p->noted++];
    ping->latency_ms = now_ms - ping->sent_ms;
    if (ping->exact && ping->awaited) note_latency(m, ping->latency_ms, now_ms);
  }
  wsm_pings_sweep(p);
  wsm_events_push(&m->events, WSM_EVENT_PONG);
}

void wsm_heartbeat_note_pongs (struct wsm_manager *m, uint64_t now_ms) {
  const struct wsm_pings *p = m->pings;
  if (m->ping_ms != WSM_NEVER && m->session.pong_seen >= m->ping_number) {
    m->latency_ms = (int64_t)(now_ms - m->ping_ms);
    m->ping_ms = WSM_NEVER;
    note_latency(m, (uint64_t)m->latency_ms, now_ms);
  }
  if (p && p->noted < p->answered) note_awaited(m, now_ms);
}

/* One that nobody awaits matters only where others are: its pong answers them. */
static struct wsm_ping *add_ping (struct wsm_manager *m,
                                  const struct wsm_message *payload,
                                  bool awaited) {
  struct wsm_ping *ping;
  if (!m->pings && awaited) m->pings = wsm_zalloc(sizeof *m->pings);
  m->session.awaited = m->pings;
  if (!m->pings || (!awaited && m->pings->count == 0)) return NULL;
  ping = wsm_pings_add(m->pings, m->session.ping_sent + 1, payload->data,
                       payload->length);
  if (ping) ping->awaited = awaited;
  return ping;
}

uint64_t wsm_heartbeat_ping (struct wsm_manager *m,
                             const struct wsm_message *payload, bool awaited,
                             uint64_t now_ms) {
  const uint64_t number = m->session.ping_sent + 1;
  struct wsm_ping *ping = add_ping(m, payload, awaited);
  bool queued;
  if (!ping && awaited) return 0;
  if (ping) ping->sent_ms = now_ms;
  if (!payload->data) queued = wsm_session_ping(&m->session, number);
  else
    queued = wsm_session_ping_with(&m->session, payload->data, payload->length);
  if (queued) m->session.ping_sent = number;
  else if (ping) wsm_pings_forget(m->pings, number);
  return queued ? number : 0;
}

/* --- heartbeats --- */

/* FNV-1a. */
static uint32_t hash (const struct wsm_message *message) {
  uint32_t h = message->binary ? 0x811C9DC6u : 0x811C9DC5u;
  size_t i;
  for (i = 0; i < message->length; i++)
    h = (h ^ message->data[i]) * 0x01000193u;
  return h;
}

/* All that is in the output now goes before the answer. */
static void note_queued (struct wsm_manager *m) {
  m->heartbeat.waiting = wsm_session_pending(&m->session);
  m->heartbeat.watching = true;
}

static bool queue_ping (struct wsm_manager *m, uint64_t now_ms) {
  const uint64_t number = m->session.ping_sent + 1;
  if (!wsm_session_ping(&m->session, number)) return false;
  m->ping_number = number;
  m->ping_ms = now_ms;
  if (m->heartbeat.waiting == 0) m->heartbeat.hash = 0;
  m->heartbeat.ping_waits = true;
  note_queued(m);
  return true;
}

/* A message that a service would count as one too many is a ping. */
static bool queue_message (struct wsm_manager *m,
                           const struct wsm_message *message) {
  const unsigned opcode = message->binary ? WSM_BINARY : WSM_TEXT;
  const uint64_t now_ms = m->heartbeat.sent_ms;
  if (wsm_sending_next(m, true, now_ms) > now_ms) return queue_ping(m, now_ms);
  if (!wsm_sending_count(m, now_ms)) return false;
  if (!wsm_session_send(&m->session, opcode, message->data, message->length)) {
    wsm_sending_undo(m, 1);
    return false;
  }
  m->heartbeat.hash = hash(message);
  note_queued(m);
  return true;
}

bool wsm_heartbeat_message (struct wsm_manager *m,
                            const struct wsm_message *message) {
  struct wsm_heartbeat *h = &m->heartbeat;
  if (!wsm_state_is_live(m) || !h->asked) return true;
  h->asked = false;
  if (message->data ? !queue_message(m, message) : !queue_ping(m, h->sent_ms))
    return false;
  if (h->stage == WSM_HEARTBEAT_ASKED) h->stage = WSM_HEARTBEAT_QUEUED;
  return true;
}

/* false: no memory. */
static bool queue_heartbeat (struct wsm_manager *m, uint64_t now_ms) {
  const struct wsm_heartbeat_rules *r = wsm_heartbeat_rules(m);
  struct wsm_message message;
  if (r->ask) {
    m->heartbeat.asked = true;
    wsm_events_push(&m->events, WSM_EVENT_HEARTBEAT);
    return true;
  }
  message.data = (const unsigned char *)r->message;
  message.length = r->length;
  message.binary = r->binary;
  return r->message ? queue_message(m, &message) : queue_ping(m, now_ms);
}

/* One that waits in the output still is as good as another behind it. */
static void send_heartbeat (struct wsm_manager *m, uint64_t now_ms) {
  struct wsm_heartbeat *h = &m->heartbeat;
  const bool first = !is_unanswered(m);
  if (m->journal) wsm_state_note_heartbeat(m, is_unanswered(m), now_ms);
  h->sent_ms = now_ms;
  h->ahead_ms = 0;
  if (h->waiting == 0) {
    if (!queue_heartbeat(m, now_ms)) return;
    m->counters.heartbeats++;
  }
  if (first) {
    h->begun_ms = now_ms;
    h->pinged = h->progressed = false;
  }
  if (first || h->succeeds)
    h->stage = h->asked ? WSM_HEARTBEAT_ASKED : WSM_HEARTBEAT_QUEUED;
  h->succeeds = false;
  h->unanswered = true;
  h->heard = false;
}

/* No peer need answer a message: half of the time is left for a pong. */
static void send_ping (struct wsm_manager *m, uint64_t now_ms) {
  const struct wsm_heartbeat_rules *r = wsm_heartbeat_rules(m);
  struct wsm_heartbeat *h = &m->heartbeat;
  if (!r->timeout_ms || r->ack || !(r->message || r->ask)) return;
  if (h->pinged || h->ping_waits || !is_unanswered(m)) return;
  if (now_ms < h->begun_ms + (uint64_t)look_after(r) * (LOOKS / 2)) return;
  if (!queue_ping(m, now_ms)) return;
  h->pinged = true;
  h->stage = WSM_HEARTBEAT_QUEUED;
}

/* --- the peer --- */

static void begin_time (struct wsm_manager *m, uint64_t now_ms) {
  struct wsm_heartbeat *h = &m->heartbeat;
  h->begun_ms = h->stalled_ms = now_ms;
  h->pinged = false;
}

static bool is_acknowledged (const struct wsm_heartbeat *h) {
  return h->stage == WSM_HEARTBEAT_WRITTEN && h->acknowledged >= h->end;
}

/* A peer that had the heartbeat is given the time for its upload alone: the next
** heartbeat, which is behind that, has a time of its own. */
static void begin_upload (struct wsm_manager *m, uint64_t now_ms) {
  struct wsm_heartbeat *h = &m->heartbeat;
  begin_time(m, now_ms);
  if (!is_acknowledged(h)) return;
  h->succeeds = h->waiting == 0;
  if (!h->succeeds) h->stage = WSM_HEARTBEAT_QUEUED;
}

/* Without heartbeats the kernel alone tells. */
static bool is_under_way (const struct wsm_manager *m) {
  const struct wsm_heartbeat *h = &m->heartbeat;
  return h->blocked ||
         (wsm_heartbeat_rules(m)->interval_ms && !is_acknowledged(h));
}

static void note_progress (struct wsm_manager *m, uint64_t now_ms) {
  struct wsm_heartbeat *h = &m->heartbeat;
  if (h->progressed && is_under_way(m) && !m->paused) begin_upload(m, now_ms);
  h->progressed = false;
}

/* What comes behind a message that nobody takes may be another one. */
static void note_untaken (struct wsm_manager *m) {
  struct wsm_heartbeat *h = &m->heartbeat;
  if (m->session.has_message && m->received_ms > h->message_ms)
    h->message_ms = m->received_ms;
}

/* Whoever could not be heard, because we did not run, is asked again, once. What
** lies in the socket is the answer, unless it takes a message. */
static bool forgive (struct wsm_manager *m, uint64_t now_ms) {
  const struct wsm_heartbeat_rules *r = wsm_heartbeat_rules(m);
  struct wsm_heartbeat *h = &m->heartbeat;
  if (now_ms <= h->look_ms + LATE_MS || h->forgiven || !r->timeout_ms)
    return false;
  if (h->readable && !r->ack && !m->paused) return false;
  if (now_ms < due_at(m) && now_ms < dead_at(m) && !is_unanswered(m))
    return false;
  wsm_state_note_number(m, WSM_NOTE_LATE, now_ms - h->look_ms, now_ms);
  if (r->interval_ms) send_heartbeat(m, now_ms);
  begin_time(m, now_ms);
  h->forgiven = true;
  h->heard = false;
  return true;
}

static bool fail (struct wsm_error *e, const char *what, uint32_t ms) {
  wsm_error_set(e, WSM_TIMEOUT, "%s for %g s", what, ms / 1000.0);
  return true;
}

/* Read first, judge after. */
static bool is_dead (const struct wsm_manager *m, uint64_t now_ms,
                     struct wsm_error *e) {
  const struct wsm_heartbeat_rules *r = wsm_heartbeat_rules(m);
  if (m->heartbeat.readable && !m->paused) return false;
  if (now_ms >= dead_at(m)) {
    if (m->paused)
      return fail(e, "the inbox is full and the peer acknowledged nothing",
                  span(r));
    if (now_ms < m->received_ms + r->timeout_ms)
      return fail(e, "the peer did not answer a heartbeat", span(r));
    return fail(e, "the peer sent nothing", r->timeout_ms);
  }
  if (now_ms < silent_at(m)) return false;
  return fail(e, "the peer sent no message", r->silence_ms);
}

enum wsm_liveness wsm_heartbeat_tick (struct wsm_manager *m, uint64_t now_ms,
                                      struct wsm_error *e) {
  struct wsm_heartbeat *h = &m->heartbeat;
  if (now_ms < h->look_ms) return WSM_ALIVE;
  if (m->paused && h->hung_up) return WSM_HUNG_UP;
  if (h->heard) h->forgiven = false;
  note_progress(m, now_ms);
  note_untaken(m);
  if (!forgive(m, now_ms) && is_dead(m, now_ms, e)) return WSM_DEAD;
  if (now_ms >= due_at(m)) send_heartbeat(m, now_ms);
  send_ping(m, now_ms);
  schedule(m, now_ms);
  h->readable = false;
  return WSM_ALIVE;
}

bool wsm_heartbeat_is_lax (const struct wsm_manager *m) {
  const struct wsm_heartbeat_rules *r = wsm_heartbeat_rules(m);
  return !r->timeout_ms || span(r) >= ANSWER_MS;
}

bool wsm_heartbeat_matches (const struct wsm_manager *m,
                            const struct wsm_message *message) {
  const struct wsm_heartbeat *h = &m->heartbeat;
  return h->waiting > 0 && h->hash && h->hash == hash(message);
}
