/*
** inbox.h - messages received and not taken, of this connection or an ended one
** Depends on state.h. What it drops it tells: sending.h.
** Never changes the state: it returns what the session returned.
*/
#ifndef WSM_INBOX_H
#define WSM_INBOX_H

#include "manager/state.h"

/* Moves whole messages of the session, which is about to end, to `undelivered`; those
** of a login to where only that takes them, or nowhere once it is over.
** What finds no memory is dropped and counted in *dropped; so are, beyond the inbox,
** compressed ones, and all where earlier connections have filled it. Others are
** bounded by what was read, which a full inbox stops. Of a message in parts of which one
** is dropped the rest is dropped, too, and its reader told.
** Returns WSM_MORE or WSM_ENDED as the session does. */
enum wsm_input wsm_inbox_keep (struct wsm_manager *m, size_t *dropped);

/* The same while nobody stops the reading: at most what the inbox holds. */
enum wsm_input wsm_inbox_keep_bounded (struct wsm_manager *m, size_t *dropped);

/* What wsm_manager_next found: all of it, or where messages are read in parts what is
** there of it. pop_part takes it; the last part of a message counts as a message. */
void wsm_inbox_part (const struct wsm_manager *m, struct wsm_part *part);
void wsm_inbox_pop_part (struct wsm_manager *m, const struct wsm_part *part);

/* Appends a part as it is; false without memory. */
bool wsm_inbox_push_part (struct wsm_message_queue *q,
                          const struct wsm_part *part);

/* The connection is over, and m->error says why: if somebody reads a message of which
** the rest will not come, that is told where the rest would be. After keep. */
void wsm_inbox_break_message (struct wsm_manager *m);

/* Bytes received and not taken, and those that were taken and are kept for others. */
size_t wsm_inbox_unread (const struct wsm_manager *m);

/* How much a read of about n bytes best asks for. While earlier connections fill the
** inbox no byte behind the peer's HTTP head is read: an empty line ends it. */
size_t wsm_inbox_read_size (const struct wsm_manager *m, size_t n);

/* See wsm_manager_is_inbox_full. */
bool wsm_inbox_is_full (const struct wsm_manager *m);

#endif
