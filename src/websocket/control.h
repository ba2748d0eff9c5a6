/*
** control.h - what a session does about control frames and broken rules
** Depends on session.h and output.c; only session.c calls it. Payloads come
** whole and unmasked.
** Never looks at `in` but to throw it away.
*/
#ifndef WSM_CONTROL_H
#define WSM_CONTROL_H

#include "websocket/session.h"

#define WSM_PONG_BACKLOG (64u << 10) /* output beyond which a pong waits */

/* Answers at once, or when there is room: then only the last one. */
void wsm_control_ping (struct wsm_session *s, const unsigned char *payload,
                       size_t n);

void wsm_control_pong (struct wsm_session *s, const unsigned char *payload,
                       size_t n);

/* The end: stores code and reason and answers, or fails. */
void wsm_control_close (struct wsm_session *s, const unsigned char *payload,
                        size_t n);

/* Sends the deferred pong, if there is one and room for it. */
void wsm_control_send_pong (struct wsm_session *s);

/* Breaks off (RFC 6455 7.1.7): sets *error to the sentence, queues the close
** frame with the code and throws away what came and what will come. */
void wsm_control_fail (struct wsm_session *s, enum wsm_close_code code,
                       const char *format, ...) WSM_PRINTF(3, 4);

/* Throws away what came; the session reads no more. */
void wsm_control_discard (struct wsm_session *s);

#endif
