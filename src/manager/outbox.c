#include "manager/outbox.h"

#include <stdio.h>
#include <string.h>
#include "manager/delivery.h"
#include "manager/heartbeat.h"
#include "base/hidden.h"

#define RETRY_MS 100 /* the outbox again, when nothing else causes it */

/* The outbox again, to drop what expired: not for each message by itself. */
#define EXPIRE_MS 50

static void drop (struct wsm_manager *m, enum wsm_token token, size_t bytes) {
  const struct wsm_dropped one = { 1, bytes };
  wsm_sending_drop(m, token, &one);
}

/* --- into the output --- */

/* Is it kept until the peer confirms it, from now on? */
static bool is_new_delivery (const struct wsm_terms *terms) {
  return terms->id_length > 0 && !terms->is_resent;
}

/* Room for the terms of one message, which then are noted without fail. */
static bool reserve_terms (struct wsm_manager *m,
                           const struct wsm_message *message,
                           const struct wsm_terms *terms) {
  struct wsm_sending *s = wsm_sending_get(m);
  return s && wsm_message_queue_reserve(&s->output, terms, 0) &&
         (!is_new_delivery(terms) || wsm_delivery_reserve(m, message, terms));
}

/* The message that was framed last is on these terms. */
static void note_terms (struct wsm_manager *m,
                        const struct wsm_message *message,
                        const struct wsm_terms *terms) {
  const struct wsm_message nothing = { NULL, 0, false };
  struct wsm_terms numbered = *terms;
  numbered.number = m->session.queued;
  wsm_message_queue_push(&m->sending->output, &nothing, &numbered);
  if (is_new_delivery(terms)) wsm_delivery_keep(m, message, &numbered);
}

/* Frames it. false without memory or a mask: nothing happened. */
static inline bool frame_plain (struct wsm_manager *m,
                                const struct wsm_message *message) {
  const unsigned opcode = message->binary ? WSM_BINARY : WSM_TEXT;
  if (!wsm_session_send(&m->session, opcode, message->data, message->length))
    return false;
  wsm_counters_sent(&m->counters, message);
  return true;
}

/* The same on its terms, and counted for the rate. */
static bool frame (struct wsm_manager *m, const struct wsm_message *message,
                   const struct wsm_terms *terms, uint64_t now_ms) {
  const bool counts = m->policy->rate_limit != 0;
  if ((terms && !reserve_terms(m, message, terms)) ||
      (counts && !wsm_sending_count(m, now_ms)))
    return false;
  if (!frame_plain(m, message)) {
    if (counts) wsm_sending_undo(m, 1);
    return false;
  }
  if (terms) note_terms(m, message, terms);
  return true;
}

/* Over the rate? */
static inline bool is_too_soon (const struct wsm_manager *m, uint64_t now_ms) {
  return m->policy->rate_limit && wsm_sending_next(m, false, now_ms) > now_ms;
}

/* Must it wait until the peer confirms others? */
static bool is_unconfirmed (const struct wsm_manager *m,
                            const struct wsm_message *message,
                            const struct wsm_terms *terms) {
  return terms && is_new_delivery(terms) &&
         !wsm_delivery_has_room(m, message->length);
}

/* Does anything go before a message that is sent now? */
static inline bool is_waiting (const struct wsm_manager *m) {
  return m->outbox.count > 0 || wsm_delivery_is_resending(m);
}

static bool is_output_full (const struct wsm_manager *m) {
  return wsm_session_pending(&m->session) >= m->policy->output_bytes;
}

/* What was wholly written is on no terms any more. */
static void forget_written (struct wsm_manager *m) {
  struct wsm_message_queue *q;
  struct wsm_terms first;
  uint64_t written;
  if (m->sending->output.count == 0) return;
  q = &m->sending->output;
  written = m->session.queued - wsm_session_count_unsent(&m->session);
  while (q->count) {
    wsm_message_queue_terms(q, 0, &first);
    if (first.number > written) return;
    wsm_message_queue_pop(q);
  }
}

/* Does what would be sent next wait for the peer to confirm others? */
static bool awaits_peer (const struct wsm_manager *m) {
  struct wsm_message first;
  struct wsm_terms terms;
  if (!m->sending || !m->sending->unacknowledged) return false;
  if (m->outbox.count == 0) return !wsm_delivery_has_room(m, 0);
  wsm_message_queue_first(&m->outbox, &first);
  wsm_message_queue_terms(&m->outbox, 0, &terms);
  return is_unconfirmed(m, &first, &terms);
}

/* --- why there is no room --- */

enum wsm_full wsm_outbox_full (const struct wsm_manager *m,
                               const struct wsm_message *message,
                               const struct wsm_terms *terms, uint64_t now_ms) {
  if (m->state != WSM_STATE_OPEN) return WSM_FULL_OUTBOX;
  if (m->hold) return WSM_FULL_HELD;
  if (is_output_full(m)) return WSM_FULL_OUTPUT;
  if (is_too_soon(m, now_ms)) return WSM_FULL_RATE;
  if (m->outbox.count ? awaits_peer(m) : is_unconfirmed(m, message, terms))
    return WSM_FULL_CONFIRMED;
  if (wsm_delivery_is_resending(m)) return WSM_FULL_RESENDING;
  return m->outbox.count ? WSM_FULL_OUTBOX : WSM_FULL_MEMORY;
}

void wsm_outbox_explain (const struct wsm_manager *m, enum wsm_full why,
                         char to[WSM_CAUSE_SIZE]) {
  static const char *const words[] = {
    [WSM_FULL_OUTBOX] = "",
    [WSM_FULL_HELD] = "it has just opened: the listeners of 'open' send first",
    [WSM_FULL_RESENDING] = "what an earlier connection has sent goes first",
    [WSM_FULL_MEMORY] = "there is no memory for it",
  };
  const struct wsm_policy *p = m->policy;
  const struct wsm_message_queue *q = wsm_delivery_messages(m);
  const size_t n = q ? q->count : 0;
  if (why == WSM_FULL_OUTPUT)
    snprintf(to, WSM_CAUSE_SIZE, "%zu bytes already wait for the peer to read",
             wsm_outbox_buffered(m) - m->outbox.payload);
  else if (why == WSM_FULL_RATE)
    snprintf(to, WSM_CAUSE_SIZE, "the rate of %u per %g s is used up",
             (unsigned)(p->rate_limit - p->rate_reserve),
             p->rate_per_ms / 1000.0);
  else if (why == WSM_FULL_CONFIRMED)
    snprintf(to, WSM_CAUSE_SIZE, "the peer is to confirm %zu message%s", n,
             n == 1 ? "" : "s");
  else snprintf(to, WSM_CAUSE_SIZE, "%s", words[why]);
}

/* Those who wait are told of room; nobody waits with what is volatile. */
static enum wsm_sent note_full (struct wsm_manager *m,
                                const struct wsm_message *message,
                                const struct wsm_terms *terms,
                                uint64_t now_ms) {
  struct wsm_noted noted = { WSM_NOTE_FULL, m->outbox.count,
                             wsm_outbox_buffered(m), NULL };
  char why[WSM_CAUSE_SIZE];
  if (terms && terms->is_volatile) return WSM_SEND_FULL;
  if (m->journal && !m->drain_due) {
    wsm_outbox_explain(m, wsm_outbox_full(m, message, terms, now_ms), why);
    noted.text = why;
    wsm_state_note(m, &noted, 0);
  }
  m->drain_due = true;
  return WSM_SEND_FULL;
}

/* --- into the outbox --- */

static bool fits (const struct wsm_manager *m, size_t n) {
  const struct wsm_policy *p = m->policy;
  return m->outbox.count < p->outbox_messages && n <= p->outbox_bytes &&
         m->outbox.payload <= p->outbox_bytes - n;
}

/* outbox.full = "oldest": for a message that fits into an empty outbox. */
static void drop_oldest (struct wsm_manager *m, size_t n) {
  struct wsm_message oldest;
  if (!m->policy->outbox_drops_oldest || n > m->policy->outbox_bytes) return;
  while (!fits(m, n) && wsm_message_queue_first(&m->outbox, &oldest)) {
    drop(m, WSM_FULL, oldest.length);
    wsm_message_queue_pop(&m->outbox);
  }
}

/* Appends it, with the outbox' own age where it has no other. */
static bool append (struct wsm_manager *m, struct wsm_message_queue *to,
                    const struct wsm_message *message,
                    const struct wsm_terms *terms, uint64_t now_ms) {
  struct wsm_terms aged = WSM_NO_TERMS;
  if (terms) aged = *terms;
  if (m->policy->outbox_age_ms && aged.expires_ms == WSM_NEVER) {
    aged.expires_ms = now_ms + m->policy->outbox_age_ms;
    aged.is_aged = true;
    terms = &aged;
  }
  if (aged.expires_ms != WSM_NEVER && !wsm_sending_get(m)) return false;
  if (!wsm_message_queue_push(to, message, terms)) return false;
  if (m->sending && aged.expires_ms < m->sending->expires_ms)
    m->sending->expires_ms = aged.expires_ms;
  return true;
}

static enum wsm_sent push (struct wsm_manager *m,
                           const struct wsm_message *message,
                           const struct wsm_terms *terms, uint64_t now_ms) {
  if (terms && terms->is_volatile) return WSM_SEND_FULL;
  drop_oldest(m, message->length);
  if (!fits(m, message->length) ||
      !append(m, &m->outbox, message, terms, now_ms))
    return note_full(m, message, terms, now_ms);
  return WSM_SENT_LATER;
}

enum wsm_sent wsm_outbox_send_urgent (struct wsm_manager *m,
                                      const struct wsm_message *message,
                                      uint64_t now_ms) {
  if (is_output_full(m) || wsm_sending_next(m, true, now_ms) > now_ms ||
      !frame(m, message, NULL, now_ms))
    return WSM_SEND_FULL;
  return WSM_SENT;
}

static inline bool send_now (struct wsm_manager *m,
                             const struct wsm_message *message,
                             const struct wsm_terms *terms, uint64_t now_ms) {
  return !is_output_full(m) && !is_too_soon(m, now_ms) &&
         !is_unconfirmed(m, message, terms) && frame(m, message, terms, now_ms);
}

/* Before the owner's first messages nothing goes out, and they go at once. */
static enum wsm_sent send_held (struct wsm_manager *m,
                                const struct wsm_message *message,
                                const struct wsm_terms *terms,
                                uint64_t now_ms) {
  if (m->hold == WSM_HOLD_OUTBOX && send_now(m, message, terms, now_ms))
    return WSM_SENT;
  if (m->hold == WSM_HOLD_ALL && m->policy->outbox_messages)
    return push(m, message, terms, now_ms);
  return note_full(m, message, terms, now_ms);
}

/* While OPEN, what is over the rate, or over what may be unconfirmed, waits in the
** outbox, if there is one. */
static enum wsm_sent refuse (struct wsm_manager *m,
                             const struct wsm_message *message,
                             const struct wsm_terms *terms, uint64_t now_ms) {
  const bool waits = is_too_soon(m, now_ms) ||
                     is_unconfirmed(m, message, terms);
  if ((waits && m->policy->outbox_messages) || m->policy->outbox_drops_oldest)
    return push(m, message, terms, now_ms);
  return note_full(m, message, terms, now_ms);
}

/* Nothing goes before a message that is sent now, and no rule has a say: most
** messages ask for no more. */
static inline bool is_plain (const struct wsm_manager *m,
                             const struct wsm_terms *terms) {
  return !terms && !m->hold && !m->sending && m->outbox.count == 0 &&
         !m->policy->rate_limit;
}

static enum wsm_sent send_by_rules (struct wsm_manager *m,
                                    const struct wsm_message *message,
                                    const struct wsm_terms *terms,
                                    uint64_t now_ms) {
  if (m->hold) return send_held(m, message, terms, now_ms);
  if (is_waiting(m)) return push(m, message, terms, now_ms);
  if (send_now(m, message, terms, now_ms)) return WSM_SENT;
  return refuse(m, message, terms, now_ms);
}

enum wsm_sent wsm_outbox_send (struct wsm_manager *m,
                               const struct wsm_message *message,
                               const struct wsm_terms *terms, uint64_t now_ms) {
  if (is_plain(m, terms) && !is_output_full(m) && frame_plain(m, message))
    return WSM_SENT;
  return send_by_rules(m, message, terms, now_ms);
}

enum wsm_sent wsm_outbox_send_later (struct wsm_manager *m,
                                     const struct wsm_message *message,
                                     const struct wsm_terms *terms,
                                     uint64_t now_ms) {
  if (m->policy->outbox_messages) return push(m, message, terms, now_ms);
  return WSM_SEND_CLOSED;
}

/* --- out of the outbox --- */

/* false: it stays where it is. */
static bool move_first (struct wsm_manager *m, uint64_t now_ms) {
  struct wsm_message first;
  struct wsm_terms terms;
  wsm_message_queue_first(&m->outbox, &first);
  wsm_message_queue_terms(&m->outbox, 0, &terms);
  if (terms.expires_ms <= now_ms) {
    drop(m, WSM_TIMEOUT, first.length);
    wsm_message_queue_pop(&m->outbox);
    return true;
  }
  if (terms.is_aged) terms.expires_ms = WSM_NEVER;
  terms.is_aged = false;
  if (is_too_soon(m, now_ms) || is_unconfirmed(m, &first, &terms) ||
      !frame(m, &first, wsm_terms_matter(&terms) ? &terms : NULL, now_ms))
    return false;
  wsm_message_queue_pop(&m->outbox);
  return true;
}

/* The same for one that an earlier connection has sent. */
static bool resend_next (struct wsm_manager *m, uint64_t now_ms) {
  struct wsm_message next;
  struct wsm_terms terms;
  wsm_delivery_next(m, &next, &terms);
  if (terms.expires_ms <= now_ms) {
    drop(m, WSM_TIMEOUT, next.length);
    wsm_delivery_drop(m);
    return true;
  }
  if (is_too_soon(m, now_ms) || !frame(m, &next, &terms, now_ms)) return false;
  wsm_delivery_sent(m);
  return true;
}

void wsm_outbox_flush (struct wsm_manager *m, size_t limit, uint64_t now_ms) {
  while (wsm_delivery_is_resending(m)) {
    if (wsm_session_pending(&m->session) >= limit) return;
    if (!resend_next(m, now_ms)) return;
  }
  while (m->outbox.count && wsm_session_pending(&m->session) < limit)
    if (!move_first(m, now_ms)) return;
}

uint64_t wsm_outbox_expires_at (const struct wsm_manager *m) {
  return m->sending && m->outbox.count ? m->sending->expires_ms : WSM_NEVER;
}

void wsm_outbox_expire (struct wsm_manager *m, uint64_t now_ms) {
  struct wsm_removed removed;
  struct wsm_dropped dropped;
  uint64_t next_ms;
  if (now_ms < wsm_outbox_expires_at(m)) return;
  next_ms = wsm_message_queue_expire(&m->outbox, now_ms, &removed);
  if (next_ms < now_ms + EXPIRE_MS) next_ms = now_ms + EXPIRE_MS;
  m->sending->expires_ms = next_ms;
  dropped.count = removed.count;
  dropped.bytes = removed.payload;
  wsm_sending_drop(m, WSM_TIMEOUT, &dropped);
  if (removed.count && m->drain_due && m->state != WSM_STATE_OPEN) {
    m->drain_due = false;
    wsm_events_push(&m->events, WSM_EVENT_DRAIN);
  }
}

static bool is_half_free (const struct wsm_manager *m) {
  return wsm_session_pending(&m->session) <= m->policy->output_bytes / 2;
}

/* May those who were refused try again? What a rate or the peer holds back may take
** long: it is enough that half of it has left. */
static bool has_room (const struct wsm_manager *m, uint64_t now_ms) {
  const struct wsm_policy *p = m->policy;
  const bool held = is_too_soon(m, now_ms) || awaits_peer(m);
  if (!is_half_free(m) || wsm_delivery_is_resending(m)) return false;
  if (m->outbox.count == 0) return p->outbox_messages || !held;
  return held && m->outbox.count <= p->outbox_messages / 2 &&
         m->outbox.payload <= p->outbox_bytes / 2;
}

void wsm_outbox_refill (struct wsm_manager *m, uint64_t now_ms) {
  if (m->sending) forget_written(m);
  if (m->hold) return;
  if (is_waiting(m)) wsm_outbox_flush(m, m->policy->output_bytes, now_ms);
  if (!m->drain_due || !has_room(m, now_ms)) return;
  m->drain_due = false;
  wsm_events_push(&m->events, WSM_EVENT_DRAIN);
}

bool wsm_outbox_confirm (struct wsm_manager *m, const void *id, size_t n,
                         uint64_t now_ms) {
  const bool any = wsm_delivery_confirm(m, id, n);
  if (any && m->state == WSM_STATE_OPEN) wsm_outbox_refill(m, now_ms);
  return any;
}

void wsm_outbox_release (struct wsm_manager *m, uint64_t now_ms) {
  if (!m->hold) return;
  m->hold = WSM_HOLD_NONE;
  wsm_outbox_refill(m, now_ms);
}

uint64_t wsm_outbox_retry_at (const struct wsm_manager *m) {
  uint64_t next_ms;
  if (m->hold) return WSM_NEVER;
  if (!is_waiting(m) && !m->drain_due) return WSM_NEVER;
  if (!is_half_free(m) || awaits_peer(m)) return WSM_NEVER;
  next_ms = wsm_sending_next(m, false, m->retried_ms);
  return next_ms > m->retried_ms ? next_ms : m->retried_ms + RETRY_MS;
}

void wsm_outbox_retry (struct wsm_manager *m, uint64_t now_ms) {
  if (!is_waiting(m) && !m->drain_due) return;
  m->retried_ms = now_ms;
  wsm_outbox_refill(m, now_ms);
}

/* --- of a connection that is lost --- */

/* The terms of the session's message of that number, or none; from *at on. */
static void find_terms (const struct wsm_manager *m, uint64_t number,
                        size_t *at, struct wsm_terms *terms) {
  const struct wsm_terms none = WSM_NO_TERMS;
  const struct wsm_message_queue *q = m->sending ? &m->sending->output : NULL;
  struct wsm_message nothing;
  size_t end = *at;
  while (q && wsm_message_queue_next(q, &end, &nothing)) {
    wsm_message_queue_terms(q, *at, terms);
    if (terms->number == number) return;
    if (terms->number > number) break;
    *at = end;
  }
  *terms = none;
}

/* true: it was kept, or dropped by a rule. */
static bool keep (struct wsm_manager *m, struct wsm_message_queue *kept,
                  const struct wsm_message *message,
                  const struct wsm_terms *terms, uint64_t now_ms) {
  const struct wsm_terms *some = wsm_terms_matter(terms) ? terms : NULL;
  if (terms->is_resent) return true;
  if (terms->is_volatile || m->policy->outbox_messages == 0)
    drop(m, WSM_CLOSED, message->length);
  else if (terms->expires_ms <= now_ms) drop(m, WSM_TIMEOUT, message->length);
  else return append(m, kept, message, some, now_ms);
  return true;
}

void wsm_outbox_keep_unsent (struct wsm_manager *m, size_t *lost,
                             uint64_t now_ms) {
  const size_t count = wsm_session_count_unsent(&m->session);
  uint64_t number = m->session.queued - count;
  struct wsm_message_queue kept;
  struct wsm_message message;
  struct wsm_terms terms;
  struct wsm_given_back back = { 0, 0, 0 };
  size_t at = 0, terms_at = 0;
  memset(&kept, 0, sizeof kept);
  kept.bytes.pool = m->pool;
  while (wsm_session_unsent(&m->session, &at, &message)) {
    number++;
    if (wsm_heartbeat_matches(m, &message)) continue;
    back.messages++;
    back.binary += message.binary;
    back.payload += message.length;
    find_terms(m, number, &terms_at, &terms);
    if (!keep(m, &kept, &message, &terms, now_ms)) ++*lost;
  }
  if (!wsm_message_queue_prepend(&m->outbox, &kept)) {
    *lost += kept.count;
    wsm_message_queue_clear(&kept);
  }
  wsm_counters_unsend(&m->counters, &back);
  if (!m->sending) return;
  wsm_delivery_lost(m, m->session.queued - count);
  wsm_sending_undo(m, count);
  m->sending->unwritten = 0;
  wsm_message_queue_clear(&m->sending->output);
}

bool wsm_outbox_is_flushed (const struct wsm_manager *m) {
  return !is_waiting(m) &&
         !(wsm_state_has_session(m) && wsm_session_pending(&m->session) > 0);
}

void wsm_outbox_note_flushed (struct wsm_manager *m) {
  if (!m->flush_due || !wsm_outbox_is_flushed(m)) return;
  m->flush_due = false;
  wsm_events_push(&m->events, WSM_EVENT_FLUSHED);
}

size_t wsm_outbox_buffered (const struct wsm_manager *m) {
  return m->outbox.payload +
         (wsm_state_has_session(m) ? wsm_session_pending(&m->session) : 0);
}
