/*
** control.h - received control frames, and failing a session
** Depends on session.h and output.c; only session.c and scan.c call it. Payloads
** come whole.
** Never looks at `in` but to discard it.
*/
#ifndef WSM_CONTROL_H
#define WSM_CONTROL_H

#include "websocket/session.h"

#define WSM_PONG_BACKLOG (64u << 10) /* pending output that defers a pong */

/* A ping, pong or close frame whose payload is at `bytes`, masked as it came. Sends the
** pong, or defers the last ping's until there is room; stores the peer's code and
** reason and sends our close frame, or fails. */
void wsm_control_frame (struct wsm_session *s, const struct wsm_frame *f,
                        const unsigned char *bytes);

/* Sends the deferred pong, if there is one and room for it. */
void wsm_control_send_pong (struct wsm_session *s);

/* Fails the connection (RFC 6455 7.1.7): sets *error to the sentence, queues a
** close frame with the code and discards the input. */
void wsm_control_fail (struct wsm_session *s, enum wsm_close_code code,
                       const char *format, ...) WSM_PRINTF(3, 4);

/* Discards `in`; the session reads no more. */
void wsm_control_discard (struct wsm_session *s);

#endif
