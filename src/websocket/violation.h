/*
** violation.h - the rules of frames (RFC 6455 5.2 to 5.5), and the sentences for what a
** peer did wrong: each fails its session
** Depends on control.h, deflate.h and http_text.h; only session.c and scan.c use it.
** Never reads a frame.
*/
#ifndef WSM_VIOLATION_H
#define WSM_VIOLATION_H

#include "websocket/deflate.h"
#include "websocket/session.h"

/* --- rules --- */

static inline bool wsm_rule_knows (unsigned opcode) {
  return opcode <= WSM_BINARY || (opcode >= WSM_CLOSE && opcode <= WSM_PONG);
}

static inline bool wsm_rule_may_compress (const struct wsm_session *s,
                                          const struct wsm_frame *f) {
  return s->deflate && (f->opcode == WSM_TEXT || f->opcode == WSM_BINARY);
}

/* The rule that the frame breaks in any order of frames; NULL: none. */
static inline const char *wsm_rule_of_frame (const struct wsm_session *s,
                                             const struct wsm_frame *f) {
  if (f->bits & (WSM_RSV2 | WSM_RSV3))
    return "with a reserved bit set (RFC 6455 5.2)";
  if ((f->bits & WSM_RSV1) && !wsm_rule_may_compress(s, f))
    return "with the reserved bit RSV1 set (RFC 6455 5.2)";
  if (!wsm_rule_knows(f->opcode)) return "which is reserved (RFC 6455 5.2)";
  if (f->masked && s->role == WSM_CLIENT)
    return "that is masked, as a server's must not be (RFC 6455 5.1)";
  if (!f->masked && s->role == WSM_SERVER)
    return "that is not masked, as a client's must be (RFC 6455 5.1)";
  if (!wsm_opcode_is_control(f->opcode)) return NULL;
  if (!(f->bits & WSM_FIN))
    return "that is fragmented, as a control frame must not be (RFC 6455 5.5)";
  if (f->length > WSM_CONTROL_LIMIT)
    return "with more than the 125 bytes of a control frame (RFC 6455 5.5)";
  return NULL;
}

/* The rule of fragmentation that it breaks; NULL: none. */
static inline const char *wsm_rule_of_fragment (const struct wsm_session *s,
                                                const struct wsm_frame *f) {
  if (wsm_opcode_is_control(f->opcode)) return NULL;
  if (f->opcode == WSM_CONTINUATION && !s->fragmented)
    return "that continues no message (RFC 6455 5.4)";
  if (f->opcode != WSM_CONTINUATION && s->fragmented)
    return "that begins a message inside another (RFC 6455 5.4)";
  return NULL;
}

/* --- sentences --- */

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
