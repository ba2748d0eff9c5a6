#include "manager/outbox.h"

#include <string.h>
#include "manager/heartbeat.h"
#include "base/hidden.h"

#define RETRY_MS 100 /* the outbox again, when nothing else causes it */

static enum wsm_sent note_full (struct wsm_manager *m) {
  m->drain_due = true;
  return WSM_SEND_FULL;
}

static enum wsm_sent send_now (struct wsm_manager *m, unsigned opcode,
                               const void *data, size_t n) {
  const enum wsm_sent sent = wsm_outbox_send_now(m, opcode, data, n);
  return sent == WSM_SENT ? sent : note_full(m);
}

static enum wsm_sent push (struct wsm_manager *m, unsigned opcode,
                           const void *data, size_t n) {
  const struct wsm_policy *p = m->policy;
  struct wsm_message message;
  message.data = data;
  message.length = n;
  message.binary = opcode == WSM_BINARY;
  if (m->outbox.count >= p->outbox_messages) return note_full(m);
  if (n > p->outbox_bytes || m->outbox.payload > p->outbox_bytes - n)
    return note_full(m);
  return wsm_message_queue_push(&m->outbox, &message) ? WSM_SENT_LATER
                                                      : note_full(m);
}

enum wsm_sent wsm_outbox_send_now (struct wsm_manager *m, unsigned opcode,
                                   const void *data, size_t n) {
  if (wsm_session_pending(&m->session) >= m->policy->output_bytes ||
      !wsm_session_send(&m->session, opcode, data, n))
    return WSM_SEND_FULL;
  m->counters.messages_out++;
  return WSM_SENT;
}

/* Before the owner's first messages nothing goes out, and they go at once. */
static enum wsm_sent send_held (struct wsm_manager *m, unsigned opcode,
                                const void *data, size_t n) {
  if (m->hold == WSM_HOLD_OUTBOX) return send_now(m, opcode, data, n);
  return m->policy->outbox_messages ? push(m, opcode, data, n) : note_full(m);
}

enum wsm_sent wsm_outbox_send (struct wsm_manager *m, unsigned opcode,
                               const void *data, size_t n) {
  if (m->hold) return send_held(m, opcode, data, n);
  if (m->outbox.count) return push(m, opcode, data, n);
  return send_now(m, opcode, data, n);
}

enum wsm_sent wsm_outbox_send_later (struct wsm_manager *m, unsigned opcode,
                                     const void *data, size_t n) {
  if (m->policy->outbox_messages) return push(m, opcode, data, n);
  return WSM_SEND_CLOSED;
}

void wsm_outbox_flush (struct wsm_manager *m, size_t limit) {
  struct wsm_message first;
  while (wsm_session_pending(&m->session) < limit &&
         wsm_message_queue_first(&m->outbox, &first)) {
    const unsigned opcode = first.binary ? WSM_BINARY : WSM_TEXT;
    if (!wsm_session_send(&m->session, opcode, first.data, first.length))
      return;
    m->counters.messages_out++;
    wsm_message_queue_pop(&m->outbox);
  }
}

static bool is_half_free (const struct wsm_manager *m) {
  return wsm_session_pending(&m->session) <= m->policy->output_bytes / 2;
}

void wsm_outbox_refill (struct wsm_manager *m) {
  if (m->hold) return;
  wsm_outbox_flush(m, m->policy->output_bytes);
  if (!m->drain_due || m->outbox.count || !is_half_free(m)) return;
  m->drain_due = false;
  wsm_events_push(&m->events, WSM_EVENT_DRAIN);
}

void wsm_outbox_release (struct wsm_manager *m) {
  if (!m->hold) return;
  m->hold = WSM_HOLD_NONE;
  wsm_outbox_refill(m);
}

uint64_t wsm_outbox_retry_at (const struct wsm_manager *m) {
  if (m->hold) return WSM_NEVER;
  if (!m->outbox.count && !m->drain_due) return WSM_NEVER;
  return is_half_free(m) ? m->retried_ms + RETRY_MS : WSM_NEVER;
}

void wsm_outbox_retry (struct wsm_manager *m, uint64_t now_ms) {
  if (!m->outbox.count && !m->drain_due) return;
  m->retried_ms = now_ms;
  wsm_outbox_refill(m);
}

void wsm_outbox_keep_unsent (struct wsm_manager *m, size_t *dropped) {
  struct wsm_message_queue kept;
  struct wsm_message message;
  size_t at = 0, back = 0;
  memset(&kept, 0, sizeof kept);
  kept.bytes.pool = m->pool;
  while (wsm_session_unsent(&m->session, &at, &message)) {
    if (wsm_heartbeat_matches(m, &message)) continue;
    back++;
    if (!wsm_message_queue_push(&kept, &message)) ++*dropped;
  }
  if (!wsm_message_queue_prepend(&m->outbox, &kept)) {
    *dropped += kept.count;
    wsm_message_queue_clear(&kept);
  }
  m->counters.messages_out -=
    back < m->counters.messages_out ? back : m->counters.messages_out;
}

bool wsm_outbox_is_flushed (const struct wsm_manager *m) {
  return m->outbox.count == 0 &&
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
