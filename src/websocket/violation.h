/*
** violation.h - the sentences for what a peer did wrong: each fails its session
** Depends on control.h, deflate.h and http_text.h; only session.c calls it.
** Never decides whether a rule was broken.
*/
#ifndef WSM_VIOLATION_H
#define WSM_VIOLATION_H

#include "websocket/deflate.h"
#include "websocket/session.h"

/* A frame that breaks a rule: "with a reserved bit set". It begins at the first byte
** that was not parsed. */
void wsm_violation_frame (struct wsm_session *s, const struct wsm_frame *f,
                          const char *rule);

/* A header with a length that is not minimal, or too long. */
void wsm_violation_length (struct wsm_session *s);

/* A frame over a limit, or with a message over it: of `bytes` or more. */
void wsm_violation_size (struct wsm_session *s, const struct wsm_frame *f,
                         uint64_t bytes);

/* A message in too many frames. */
void wsm_violation_fragments (struct wsm_session *s);

/* Text that is not UTF-8. */
void wsm_violation_text (struct wsm_session *s);

/* A compressed message that did not inflate. */
void wsm_violation_deflate (struct wsm_session *s, enum wsm_inflated inflated);

/* A piece of the zlib stream that did not. */
void wsm_violation_zlib (struct wsm_session *s, enum wsm_inflated inflated);

#endif
