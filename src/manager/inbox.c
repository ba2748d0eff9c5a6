#include "manager/inbox.h"

#include "manager/sending.h"
#include "base/hidden.h"

static bool is_at_limit (const struct wsm_manager *m,
                         const struct wsm_message_queue *q) {
  const size_t kept = q == &m->undelivered ? m->kept : 0;
  return m->policy->inbox_bytes > 0 &&
         q->payload + kept >= m->policy->inbox_bytes;
}

/* A login has its connection's messages for itself. */
static struct wsm_message_queue *queue_of (struct wsm_manager *m) {
  if (m->login) return &m->login->left;
  return m->held ? m->held : &m->undelivered;
}

static void note (struct wsm_dropped *dropped, size_t bytes) {
  dropped->count++;
  dropped->bytes += bytes;
}

static enum wsm_input keep (struct wsm_manager *m, size_t limit,
                            size_t *dropped) {
  struct wsm_message_queue *to = queue_of(m);
  /* the inbox counts compressed bytes, and inflated ones could exceed it; what
     earlier connections left may fill it, and then reading has stopped: all that
     is here came with the 101, or in a login */
  const bool bounded = wsm_session_inflates(&m->session) ||
                       (limit == SIZE_MAX && is_at_limit(m, to));
  struct wsm_dropped over = { 0, 0 }, of_login = { 0, 0 };
  struct wsm_message message;
  enum wsm_input input;
  while ((input = wsm_session_next(&m->session, &message)) == WSM_MESSAGE) {
    const bool exceeds = bounded && is_at_limit(m, to);
    const bool wanted = !m->login || !(m->login->over || m->local);
    m->dropped |= exceeds && wanted;
    if (!wanted) note(&of_login, message.length);
    else if (exceeds || message.length > limit ||
             to->payload > limit - message.length ||
             !wsm_message_queue_push(to, &message, NULL))
      note(&over, message.length);
    wsm_session_pop(&m->session);
  }
  *dropped += over.count;
  wsm_sending_drop_untaken(m, WSM_FULL, &over);
  wsm_sending_drop_untaken(m, WSM_LOGIN, &of_login);
  return input;
}

enum wsm_input wsm_inbox_keep (struct wsm_manager *m, size_t *dropped) {
  return keep(m, SIZE_MAX, dropped);
}

enum wsm_input wsm_inbox_keep_bounded (struct wsm_manager *m, size_t *dropped) {
  return keep(m, m->policy->inbox_bytes, dropped);
}

size_t wsm_inbox_unread (const struct wsm_manager *m) {
  return m->kept + m->undelivered.payload +
         (wsm_state_has_session(m) ? wsm_session_unread(&m->session) : 0);
}

bool wsm_inbox_is_full (const struct wsm_manager *m) {
  const size_t limit = m->policy->inbox_bytes, unread = wsm_inbox_unread(m);
  /* while closing, the peer's close frame is awaited */
  if (!wsm_state_reads(m) || limit == 0) return false;
  /* what earlier connections left may not keep a login from its next message */
  if (m->state == WSM_STATE_LOGIN && !m->session.has_message) return false;
  if (m->paused) return unread > limit / 2;
  /* one message may exceed it, if earlier connections left room for that */
  return unread >= limit &&
         (m->session.has_message || is_at_limit(m, &m->undelivered));
}

/* No more than what is missing of CR LF CR LF, at least. */
static size_t missing_of_head (const struct wsm_buffer *in) {
  const size_t length = wsm_buffer_length(in);
  const unsigned char last = length ? wsm_buffer_bytes(in)[length - 1] : 0;
  return last == '\r' ? 1 : last == '\n' ? 2 : 4;
}

size_t wsm_inbox_read_size (const struct wsm_manager *m, size_t n) {
  const bool head = m->role == WSM_CLIENT && m->step == WSM_STEP_HEAD;
  return head && is_at_limit(m, &m->undelivered)
           ? missing_of_head(&m->session.in)
           : wsm_session_read_size(&m->session, n);
}
