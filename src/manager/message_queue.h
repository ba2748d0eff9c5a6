/*
** message_queue.h - whole messages in order, with the terms of those that have some
** Depends on buffer.h and message.h. The outbox holds what waits for a
** connection; another queue what was received on one that is over.
** Never drops a message to make room: push returns false.
*/
#ifndef WSM_MESSAGE_QUEUE_H
#define WSM_MESSAGE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/buffer.h"
#include "base/heap.h"
#include "base/ids.h"
#include "websocket/message.h"

/* How a message is to be delivered. Zeroed but for expires_ms: nothing special. */
struct wsm_terms {
  uint64_t expires_ms;     /* from then on it is not sent; WSM_NEVER */
  uint64_t number;         /* in the output: of the session's messages */
  const unsigned char *id; /* of id_length bytes */
  uint8_t id_length;       /* 0: it has none */
  bool is_volatile;        /* it waits for no connection */
  bool is_aged;            /* expires_ms is of the outbox, and ends with that */
  bool is_resent;          /* an earlier connection has sent it: delivery.c */
  uint8_t part; /* of a message that was received in parts: wsm_part.bits */
};

#define WSM_NO_TERMS \
  { WSM_NEVER, 0, NULL, 0, false, false, false, 0 }

/* Are there any? */
static inline bool wsm_terms_matter (const struct wsm_terms *terms) {
  return terms->expires_ms != WSM_NEVER || terms->id_length > 0;
}

/* Zero it, but for bytes.pool, to start. */
struct wsm_message_queue {
  struct wsm_buffer bytes;
  size_t count;   /* messages */
  size_t payload; /* their bytes, without our headers */
};

/* Appends a copy; false without memory (bounds are the caller's). terms: copied,
** too; NULL: none, which cost no byte. */
bool wsm_message_queue_push (struct wsm_message_queue *q,
                             const struct wsm_message *m,
                             const struct wsm_terms *terms);

/* Room for a message of n bytes: the next push of one with these terms finds
** memory. */
bool wsm_message_queue_reserve (struct wsm_message_queue *q,
                                const struct wsm_terms *terms, size_t n);

/* The first message, pointing into the queue until the next push or pop. */
bool wsm_message_queue_first (const struct wsm_message_queue *q,
                              struct wsm_message *m);
void wsm_message_queue_pop (struct wsm_message_queue *q);

/* The message at *at, which advances; 0 for the first. false: no more. */
bool wsm_message_queue_next (const struct wsm_message_queue *q, size_t *at,
                             struct wsm_message *m);

/* The terms of the message at `at`, before `next` is called for it; the id points
** into the queue. */
void wsm_message_queue_terms (const struct wsm_message_queue *q, size_t at,
                              struct wsm_terms *terms);

/* Changes the number and is_resent of the message at `at`, which has terms. */
void wsm_message_queue_mark (struct wsm_message_queue *q, size_t at,
                             const struct wsm_terms *terms);

/* Removes the message between `at` and `end`, where `next` stood before and after
** it. */
void wsm_message_queue_remove (struct wsm_message_queue *q, size_t at,
                               size_t end);

/* Removes the messages that expire until now_ms and returns when the next one
** does, or WSM_NEVER; `removed` is set to how many, and their bytes. */
struct wsm_removed {
  size_t count, payload;
};
uint64_t wsm_message_queue_expire (struct wsm_message_queue *q, uint64_t now_ms,
                                   struct wsm_removed *removed);

/* Puts all of `front` before what q holds and empties front. false without
** memory: both are as they were. */
bool wsm_message_queue_prepend (struct wsm_message_queue *q,
                                struct wsm_message_queue *front);

void wsm_message_queue_clear (struct wsm_message_queue *q);

#endif
