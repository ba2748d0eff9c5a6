/*
** message_queue.h - whole messages in order, bounded by count and bytes
** Depends on buffer.h and message.h. The outbox holds what waits for a
** connection; another queue what was received on one that is over.
** Never drops a message to make room: push returns false.
*/
#ifndef WSM_MESSAGE_QUEUE_H
#define WSM_MESSAGE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/buffer.h"
#include "websocket/message.h"

/* Zero it, but for bytes.pool, to start. */
struct wsm_message_queue {
  struct wsm_buffer bytes;
  size_t count;   /* messages */
  size_t payload; /* their bytes, without our headers */
};

/* Appends a copy; false without memory (bounds are the caller's). */
bool wsm_message_queue_push (struct wsm_message_queue *q,
                             const struct wsm_message *m);

/* The first message, pointing into the queue until the next push or pop. */
bool wsm_message_queue_first (const struct wsm_message_queue *q,
                              struct wsm_message *m);
void wsm_message_queue_pop (struct wsm_message_queue *q);

/* The message at *at, which advances; 0 for the first. false: no more. */
bool wsm_message_queue_next (const struct wsm_message_queue *q, size_t *at,
                             struct wsm_message *m);

/* Puts all of `front` before what q holds and empties front. false without
** memory: both are as they were. */
bool wsm_message_queue_prepend (struct wsm_message_queue *q,
                                struct wsm_message_queue *front);

void wsm_message_queue_clear (struct wsm_message_queue *q);

#endif
