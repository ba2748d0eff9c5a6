#include "manager/manager_internal.h"

/* --- out --- */

static enum wsm_sent refuse (struct wsm_manager *m) {
  m->starved = true;
  return WSM_SEND_FULL;
}

static enum wsm_sent send_now (struct wsm_manager *m, unsigned opcode,
                               const void *data, size_t n) {
  if (wsm_session_pending(&m->session) >= m->policy->output_bytes)
    return refuse(m);
  if (!wsm_session_send(&m->session, opcode, data, n)) return refuse(m);
  m->counters.messages_out++;
  return WSM_SENT;
}

static enum wsm_sent send_later (struct wsm_manager *m, unsigned opcode,
                                 const void *data, size_t n) {
  const struct wsm_policy *p = m->policy;
  struct wsm_message message;
  message.data = data;
  message.length = n;
  message.binary = opcode == WSM_BINARY;
  if (m->outbox.count >= p->outbox_messages) return refuse(m);
  if (n > p->outbox_bytes || m->outbox.payload > p->outbox_bytes - n)
    return refuse(m);
  return wsm_message_queue_push(&m->outbox, &message) ? WSM_SENT_LATER
                                                      : refuse(m);
}

enum wsm_sent wsm_manager_send (struct wsm_manager *m, unsigned opcode,
                                const void *data, size_t n) {
  switch (m->state) {
    case WSM_STATE_OPEN:
      if (m->outbox.count) return send_later(m, opcode, data, n);
      return send_now(m, opcode, data, n);
    case WSM_STATE_CONNECTING:
    case WSM_STATE_WAITING:
    case WSM_STATE_LOCKED:
      if (m->policy->outbox_messages) return send_later(m, opcode, data, n);
      return WSM_SEND_CLOSED;
    default:
      return WSM_SEND_CLOSED;
  }
}

bool wsm_manager_ping (struct wsm_manager *m, const void *payload, size_t n) {
  return wsm_session_ping_with(&m->session, payload, n);
}

enum wsm_sent wsm_manager_may_send (const struct wsm_manager *m) {
  if (m->state != WSM_STATE_OPEN) return WSM_SEND_CLOSED;
  if (wsm_session_pending(&m->session) >= m->policy->output_bytes)
    return WSM_SEND_FULL;
  return WSM_SENT;
}

bool wsm_manager_send_frame (struct wsm_manager *m, const void *frame,
                             size_t n) {
  if (!wsm_session_send_frame(&m->session, frame, n)) return false;
  m->counters.messages_out++;
  return true;
}

void wsm_messages_flush (struct wsm_manager *m, size_t limit) {
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

void wsm_messages_drain (struct wsm_manager *m) {
  if (!m->starved || m->outbox.count) return;
  if (wsm_session_pending(&m->session) > m->policy->output_bytes / 2) return;
  m->starved = false;
  wsm_manager_tell(m, WSM_EVENT_DRAIN);
}

void wsm_manager_wrote (struct wsm_manager *m, size_t n, uint64_t now_ms) {
  (void)now_ms;
  wsm_session_sent(&m->session, n);
  m->counters.bytes_out += n;
  if (m->state != WSM_STATE_OPEN) return;
  wsm_messages_flush(m, m->policy->output_bytes);
  wsm_messages_drain(m);
}

/* --- in --- */

static void note_pong (struct wsm_manager *m, uint64_t now_ms) {
  if (m->ping_ms == WSM_NEVER || m->session.pong_seen != m->ping) return;
  m->latency_ms = (int64_t)(now_ms - m->ping_ms);
  m->ping_ms = WSM_NEVER;
}

/* Goes on reading as far as it goes while the first message is not taken. */
static enum wsm_input advance (struct wsm_manager *m,
                               struct wsm_message *message, uint64_t now_ms) {
  const enum wsm_input input = wsm_session_next(&m->session, message);
  note_pong(m, now_ms);
  if (input == WSM_ENDED) wsm_ending_heard(m, now_ms);
  return input;
}

/* What is within the inbox as it came may be without bounds inflated. */
static bool is_swollen (const struct wsm_manager *m) {
  return m->session.deflate && m->leftover.payload >= m->policy->inbox_bytes;
}

enum wsm_input wsm_messages_keep (struct wsm_manager *m, size_t limit,
                                  size_t *missed) {
  struct wsm_message message;
  enum wsm_input input;
  while ((input = wsm_session_next(&m->session, &message)) == WSM_MESSAGE) {
    const bool swollen = is_swollen(m);
    m->missed |= swollen;
    if (swollen || message.length > limit ||
        m->leftover.payload > limit - message.length ||
        !wsm_message_queue_push(&m->leftover, &message))
      ++*missed;
    wsm_session_pop(&m->session);
  }
  return input;
}

/* While CLOSING nobody reads the session: its messages are kept aside, as many
** as the inbox holds, on the way to the peer's close frame. */
static void read_on (struct wsm_manager *m) {
  size_t missed = 0;
  if (!wsm_manager_opened(m)) {
    wsm_buffer_clear(&m->session.in);
    return;
  }
  if (wsm_messages_keep(m, m->policy->inbox_bytes, &missed) == WSM_ENDED)
    wsm_buffer_clear(&m->session.in);
  /* RFC 6455 7.1.1: the server hangs up first */
  if (m->role == WSM_SERVER && (m->session.closing & WSM_CLOSE_RECEIVED))
    m->want = WSM_WANT_FLUSH;
}

void wsm_manager_received (struct wsm_manager *m, size_t n, uint64_t now_ms) {
  m->heard_ms = now_ms;
  m->counters.bytes_in += n;
  switch (m->state) {
    case WSM_STATE_OPEN:
      advance(m, NULL, now_ms);
      return;
    case WSM_STATE_CONNECTING:
      wsm_opening_read(m, n, now_ms);
      return;
    case WSM_STATE_CLOSING:
      read_on(m);
      return;
    default:
      wsm_buffer_clear(&m->session.in);
  }
}

static bool is_over (const struct wsm_manager *m) {
  return m->state == WSM_STATE_CLOSED || m->state == WSM_STATE_LOCKED ||
         m->state == WSM_STATE_EXHAUSTED;
}

enum wsm_input wsm_manager_next (struct wsm_manager *m,
                                 struct wsm_message *message, uint64_t now_ms) {
  if (wsm_message_queue_first(&m->leftover, message)) return WSM_MESSAGE;
  if (m->state == WSM_STATE_OPEN && advance(m, message, now_ms) == WSM_MESSAGE)
    return WSM_MESSAGE;
  return is_over(m) ? WSM_ENDED : WSM_MORE;
}

void wsm_manager_pop (struct wsm_manager *m) {
  if (m->leftover.count == 0 && !m->session.held) return;
  m->counters.messages_in++;
  if (m->leftover.count) wsm_message_queue_pop(&m->leftover);
  else wsm_session_pop(&m->session);
}

/* --- both --- */

void wsm_messages_open (struct wsm_manager *m, uint64_t now_ms) {
  wsm_manager_enter(m, WSM_STATE_OPEN, now_ms);
  m->opened_ms = m->heard_ms = m->beat_ms = m->tried_ms = now_ms;
  m->ping_ms = WSM_NEVER;
  m->error.token = WSM_NONE;
  wsm_ending_forget(m);
  m->counters.opens++;
  wsm_manager_tell(m, WSM_EVENT_OPEN);
  wsm_messages_flush(m, m->policy->output_bytes);
  advance(m, NULL, now_ms);
}

static bool has_session (const struct wsm_manager *m) {
  return wsm_manager_opened(m) &&
         (m->state == WSM_STATE_OPEN || m->state == WSM_STATE_CLOSING);
}

size_t wsm_manager_unread (const struct wsm_manager *m) {
  return m->leftover.payload +
         (has_session(m) ? wsm_session_unread(&m->session) : 0);
}

bool wsm_manager_is_inbox_full (const struct wsm_manager *m) {
  const size_t limit = m->policy->inbox_bytes, unread = wsm_manager_unread(m);
  /* while closing, the peer's close frame is awaited */
  if (m->state != WSM_STATE_OPEN || limit == 0) return false;
  return m->paused ? unread > limit / 2 : unread >= limit && m->session.held;
}

size_t wsm_manager_buffered (const struct wsm_manager *m) {
  return m->outbox.payload +
         (has_session(m) ? wsm_session_pending(&m->session) : 0);
}
