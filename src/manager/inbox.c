#include "manager/inbox.h"

#include <stdio.h>
#include <string.h>
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

/* What was received, where it goes, and how much of it; and what is not kept. */
struct keeping {
  struct wsm_message_queue *to;
  size_t limit;
  bool bounded, wanted;
  struct wsm_dropped over, of_login;
};

static struct keeping begin_keeping (struct wsm_manager *m, size_t limit) {
  struct keeping k = { .to = queue_of(m), .limit = limit };
  /* the inbox counts compressed bytes, and inflated ones could exceed it; what
     earlier connections left may fill it, and then reading has stopped: all that
     is here came with the 101, or in a login */
  k.bounded = wsm_session_inflates(&m->session) ||
              (limit == SIZE_MAX && is_at_limit(m, k.to));
  k.wanted = !m->login || !(m->login->over || m->local);
  return k;
}

/* Is there room for n bytes more? */
static bool has_room (struct wsm_manager *m, const struct keeping *k,
                      size_t n) {
  const bool exceeds = k->bounded && is_at_limit(m, k->to);
  m->dropped |= exceeds && k->wanted;
  return !exceeds && n <= k->limit && k->to->payload <= k->limit - n;
}

static enum wsm_input keep_messages (struct wsm_manager *m, struct keeping *k) {
  struct wsm_message message;
  enum wsm_input input;
  while ((input = wsm_session_next(&m->session, &message)) == WSM_MESSAGE) {
    const bool room = has_room(m, k, message.length);
    if (!k->wanted) note(&k->of_login, message.length);
    else if (!room || !wsm_message_queue_push(k->to, &message, NULL))
      note(&k->over, message.length);
    wsm_session_pop(&m->session);
  }
  return input;
}

bool wsm_inbox_push_part (struct wsm_message_queue *q,
                          const struct wsm_part *part) {
  struct wsm_terms terms = WSM_NO_TERMS;
  terms.part = part->bits;
  return wsm_message_queue_push(q, &part->message, part->bits ? &terms : NULL);
}

static void push_broken (struct wsm_message_queue *q, const char *why) {
  const struct wsm_part part = {
    { (const unsigned char *)why, strlen(why), false }, WSM_REST | WSM_BROKEN
  };
  wsm_inbox_push_part(q, &part);
}

/* The first part of a message that is dropped counts as one, with the bytes of all that
** follow. */
static void drop_part (struct wsm_manager *m, struct keeping *k,
                       const struct wsm_part *part) {
  const bool is_rest = (part->bits & WSM_REST) != 0;
  k->over.bytes += part->message.length;
  if (is_rest && m->session.skips) return;
  m->session.skips = true;
  k->over.count++;
  if (is_rest)
    push_broken(k->to, "the rest of the message was lost: nobody took it and "
                       "the inbox is full, or there is no memory to keep it");
}

/* false: it is not kept. */
static bool keep_part (struct wsm_manager *m, const struct keeping *k,
                       const struct wsm_part *part) {
  if (!(part->bits & WSM_REST)) m->session.skips = false;
  return !m->session.skips && has_room(m, k, part->message.length) &&
         wsm_inbox_push_part(k->to, part);
}

static enum wsm_input keep_parts (struct wsm_manager *m, struct keeping *k) {
  struct wsm_part part;
  enum wsm_input input;
  while ((input = wsm_session_next(&m->session, NULL)) == WSM_MESSAGE) {
    wsm_session_part(&m->session, &part);
    if (!keep_part(m, k, &part)) drop_part(m, k, &part);
    wsm_session_pop_part(&m->session, &part);
  }
  return input;
}

static enum wsm_input keep (struct wsm_manager *m, size_t limit,
                            size_t *dropped) {
  struct keeping k = begin_keeping(m, limit);
  const enum wsm_input input = m->session.streams ? keep_parts(m, &k)
                                                  : keep_messages(m, &k);
  *dropped += (size_t)k.over.count;
  wsm_sending_drop_untaken(m, WSM_FULL, &k.over);
  wsm_sending_drop_untaken(m, WSM_LOGIN, &k.of_login);
  return input;
}

enum wsm_input wsm_inbox_keep (struct wsm_manager *m, size_t *dropped) {
  return keep(m, SIZE_MAX, dropped);
}

enum wsm_input wsm_inbox_keep_bounded (struct wsm_manager *m, size_t *dropped) {
  return keep(m, m->policy->inbox_bytes, dropped);
}

/* --- in parts --- */

void wsm_inbox_part (const struct wsm_manager *m, struct wsm_part *part) {
  struct wsm_terms terms;
  if (!wsm_message_queue_first(&m->undelivered, &part->message)) {
    wsm_session_part(&m->session, part);
    return;
  }
  wsm_message_queue_terms(&m->undelivered, 0, &terms);
  part->bits = terms.part;
}

void wsm_inbox_pop_part (struct wsm_manager *m, const struct wsm_part *part) {
  m->parts++;
  if (!(part->bits & (WSM_PART | WSM_BROKEN)))
    wsm_counters_received(&m->counters, &part->message);
  else if (!(part->bits & WSM_BROKEN))
    m->counters.payload_in += part->message.length;
  if (m->undelivered.count) wsm_message_queue_pop(&m->undelivered);
  else wsm_session_pop_part(&m->session, part);
}

void wsm_inbox_break_message (struct wsm_manager *m) {
  char why[WSM_DETAIL_SIZE], text[WSM_DETAIL_SIZE + 64];
  if (!wsm_session_is_amidst(&m->session) || m->session.skips) return;
  wsm_state_explain(m, why);
  snprintf(text, sizeof text, "the connection ended amidst the message: %s",
           why);
  push_broken(queue_of(m), text);
}

/* --- how full it is --- */

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
