/*
** delivery.h - acknowledged delivery: messages until the peer confirms their id
** Depends on sending.h. A message with an id is kept from when it is framed on; what
** was written and is not confirmed is sent again on the next connection, oldest
** first. What was never wholly written goes back to the outbox instead: outbox.c.
** Also the ids that were received, so that a message is given to the program once.
** Never knows what an id is: the owner reads them from messages.
*/
#ifndef WSM_DELIVERY_H
#define WSM_DELIVERY_H

#include "manager/sending.h"

/* A message whose number is 0 was sent on earlier connections alone. */
struct wsm_unacknowledged {
  struct wsm_message_queue messages; /* with their ids, the oldest first */
  size_t next;    /* bytes of the queue: before there is none of number 0 */
  size_t pending; /* how many of number 0 */
};

/* --- what is sent --- */

/* Has it room for a message of n bytes? An empty one has room for any. */
bool wsm_delivery_has_room (const struct wsm_manager *m, size_t n);

/* Makes room, before a message with an id is framed; keep, after it, then finds
** memory. */
bool wsm_delivery_reserve (struct wsm_manager *m,
                           const struct wsm_message *message,
                           const struct wsm_terms *terms);
void wsm_delivery_keep (struct wsm_manager *m,
                        const struct wsm_message *message,
                        const struct wsm_terms *terms);

/* The next one to be sent again on this connection, in the queue; false: none. */
bool wsm_delivery_next (struct wsm_manager *m, struct wsm_message *message,
                        struct wsm_terms *terms);

static inline bool wsm_delivery_is_resending (const struct wsm_manager *m) {
  const struct wsm_unacknowledged *u = m->sending ? m->sending->unacknowledged
                                                  : NULL;
  return u && u->pending > 0;
}

/* It was, as the session's last message, or is given up. */
void wsm_delivery_sent (struct wsm_manager *m);
void wsm_delivery_drop (struct wsm_manager *m);

/* The peer confirms it. false: there is none of that id. */
bool wsm_delivery_confirm (struct wsm_manager *m, const void *id, size_t n);

/* The connection is lost, `written` of its session's messages were wholly written:
** forgets those that go back to the outbox; all others are sent again. */
void wsm_delivery_lost (struct wsm_manager *m, uint64_t written);

/* Those not confirmed, also those still in the output; NULL: none ever. */
static inline struct wsm_message_queue *
wsm_delivery_messages (const struct wsm_manager *m) {
  return m->sending && m->sending->unacknowledged
           ? &m->sending->unacknowledged->messages
           : NULL;
}

/* The owner has emptied the queue. */
void wsm_delivery_forget (struct wsm_manager *m);

/* --- what is received --- */

/* Was a message of that id received before? It was, from now on. */
bool wsm_delivery_is_repeated (struct wsm_manager *m, const void *id, size_t n);

/* --- both --- */

/* Before wsm_sending_free. */
void wsm_delivery_free (struct wsm_manager *m);

#endif
