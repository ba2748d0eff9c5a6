/*
** part.h - a message that is read in parts, as large as one's memory allows
** Depends on session.h. What has arrived of a message is a part of it, of a bounded
** size, before the message is whole.
** Never looks at frames: session.c reads them, and is the one that calls this.
*/
#ifndef WSM_PART_H
#define WSM_PART_H

#include "websocket/session.h"

#define WSM_PART_SIZE \
  ((size_t)65536) /* bytes that are taken at once, at most */

/* How many of the n bytes that came next the part has room for; 0: it is full. A
** compressed part may be larger, by what a few hundred bytes inflate to. */
size_t wsm_part_fit (const struct wsm_session *s, size_t n);

/* Bytes of the message in the part that is being read. */
size_t wsm_part_length (const struct wsm_session *s);

/* The first n bytes of the part were taken: they count for limits.message. */
void wsm_part_taken (struct wsm_session *s, size_t n);

/* The message was taken to its end. */
void wsm_part_finish (struct wsm_session *s);

/* Would n bytes more exceed limits.message? */
bool wsm_part_exceeds (const struct wsm_session *s, uint64_t n);

#endif
