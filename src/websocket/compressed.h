/*
** compressed.h - a session's output through permessage-deflate (RFC 7692 6)
** Depends on output.h and deflate.h. Frames wait in `out` neither compressed
** nor masked, so that unsent messages can be given back; d->encoded
** takes them, compressed and masked, when the socket can be written.
** Never called for a session without s->deflate.
*/
#ifndef WSM_COMPRESSED_H
#define WSM_COMPRESSED_H

#include "websocket/session.h"

/* As wsm_session_output and wsm_session_sent. */
const unsigned char *wsm_compressed_output (const struct wsm_session *s,
                                            size_t *n);
void wsm_compressed_sent (struct wsm_session *s, size_t n);

/* Where in `out` the first frame begins that was not wholly written. */
size_t wsm_compressed_unsent (const struct wsm_session *s);

#endif
