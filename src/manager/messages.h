/*
** messages.h - messages of a managed connection: outbox, output, undelivered
** Depends on state.h and heartbeat.h.
** Never changes the state: it returns what the session says.
*/
#ifndef WSM_MESSAGES_H
#define WSM_MESSAGES_H

#include "manager/state.h"

enum wsm_sent {
  WSM_SENT,       /* framed, in the output */
  WSM_SENT_LATER, /* in the outbox */
  WSM_SEND_FULL,  /* output or outbox at its limit; or no memory */
  WSM_SEND_CLOSED /* closed, exhausted, or not open and no outbox */
};

/* While OPEN: into the output, or into the outbox behind what waits there. */
enum wsm_sent wsm_messages_send (struct wsm_manager *m, unsigned opcode,
                                 const void *data, size_t n);

/* Into the outbox, if there is one. */
enum wsm_sent wsm_messages_send_later (struct wsm_manager *m, unsigned opcode,
                                       const void *data, size_t n);

/* Frames what is in the outbox until limit bytes wait in the output. */
void wsm_messages_flush (struct wsm_manager *m, size_t limit);

/* While OPEN, after output was written: fills it again from the outbox, and
** queues the drain event if one is due and half of the output is free. */
void wsm_messages_refill (struct wsm_manager *m);

/* The same where no write will cause it: when (or WSM_NEVER), and then. */
uint64_t wsm_messages_retry_at (const struct wsm_manager *m);
void wsm_messages_retry (struct wsm_manager *m, uint64_t now_ms);

/* Moves whole messages of the session to `undelivered` while its payload stays
** within limit. What exceeds it, or finds no memory, is dropped and counted in
** *dropped. Returns WSM_MORE or WSM_ENDED as the session does. */
enum wsm_input wsm_messages_keep_received (struct wsm_manager *m, size_t limit,
                                           size_t *dropped);

/* Moves messages that were not wholly written to the socket back to the
** outbox, before the others; heartbeats are left out. What finds no memory is
** counted in *dropped. */
void wsm_messages_keep_unsent (struct wsm_manager *m, size_t *dropped);

/* See wsm_manager_unread, _buffered, _is_inbox_full. */
size_t wsm_messages_unread (const struct wsm_manager *m);
size_t wsm_messages_buffered (const struct wsm_manager *m);
bool wsm_messages_is_inbox_full (const struct wsm_manager *m);

#endif
