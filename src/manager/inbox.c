#include "manager/inbox.h"
#include "base/hidden.h"

/* The inbox limit counts compressed bytes; inflated ones could exceed it. */
static bool exceeds_inbox (const struct wsm_manager *m,
                           const struct wsm_message_queue *to) {
  return m->session.deflate && to->payload >= m->policy->inbox_bytes;
}

/* A login has its connection's messages for itself. */
static struct wsm_message_queue *queue_of (struct wsm_manager *m) {
  return m->login ? &m->login->left : &m->undelivered;
}

static enum wsm_input keep (struct wsm_manager *m, size_t limit,
                            size_t *dropped) {
  struct wsm_message_queue *to = queue_of(m);
  struct wsm_message message;
  enum wsm_input input;
  while ((input = wsm_session_next(&m->session, &message)) == WSM_MESSAGE) {
    const bool exceeds = exceeds_inbox(m, to);
    const bool wanted = !m->login || !(m->login->over || m->local);
    m->dropped |= exceeds && wanted;
    if (wanted && (exceeds || message.length > limit ||
                   to->payload > limit - message.length ||
                   !wsm_message_queue_push(to, &message, NULL)))
      ++*dropped;
    wsm_session_pop(&m->session);
  }
  return input;
}

enum wsm_input wsm_inbox_keep (struct wsm_manager *m, size_t *dropped) {
  return keep(m, SIZE_MAX, dropped);
}

enum wsm_input wsm_inbox_keep_bounded (struct wsm_manager *m, size_t *dropped) {
  return keep(m, m->policy->inbox_bytes, dropped);
}

size_t wsm_inbox_unread (const struct wsm_manager *m) {
  return m->undelivered.payload +
         (wsm_state_has_session(m) ? wsm_session_unread(&m->session) : 0);
}

bool wsm_inbox_is_full (const struct wsm_manager *m) {
  const size_t limit = m->policy->inbox_bytes, unread = wsm_inbox_unread(m);
  /* while closing, the peer's close frame is awaited */
  if (!wsm_state_reads(m) || limit == 0) return false;
  /* what earlier connections left may not keep a login from its next message */
  if (m->state == WSM_STATE_LOGIN && !m->session.has_message) return false;
  return m->paused ? unread > limit / 2
                   : unread >= limit && m->session.has_message;
}
