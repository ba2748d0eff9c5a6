/*
** compressed.h - a session's messages through permessage-deflate (RFC 7692 6)
** Stands on session.h and deflate.h. On the way in, payload is inflated as it
** comes. On the way out, frames wait in `out` as they were sent, not compressed
** and not masked, so that what the kernel never took can be given back; `wire`
** takes them, compressed and masked, when the kernel wants more.
** Never called for a session without s->deflate.
*/
#ifndef WSM_COMPRESSED_H
#define WSM_COMPRESSED_H

#include "websocket/session.h"

/* n unmasked bytes of a compressed message's payload. false: the session has
** failed. */
bool wsm_compressed_take (struct wsm_session *s, const unsigned char *bytes,
                          size_t n);

/* The payload is complete; false as above. */
bool wsm_compressed_end (struct wsm_session *s);

/* As wsm_session_output and wsm_session_sent. */
const unsigned char *wsm_compressed_output (const struct wsm_session *s,
                                            size_t *n);
void wsm_compressed_sent (struct wsm_session *s, size_t n);

/* Where in `out` the first frame begins that was not wholly handed over. */
size_t wsm_compressed_unsent (const struct wsm_session *s);

#endif
