/*
** request_framing.h - what a server checks in a request: its body, what may follow
** it (RFC 9112)
** Depends on head.h and body.h.
** Never reads a body: body.h does.
*/
#ifndef WSM_REQUEST_FRAMING_H
#define WSM_REQUEST_FRAMING_H

#include <stdbool.h>
#include <stdint.h>
#include "http/head.h"

/* Can the request's body be read, at most limit bytes of it? 0: yes, or there is
** none; else the status that refuses it, and e says why: 400 its framing is
** broken or ambiguous (RFC 9112 6.1, 6.3), 413, 417 an unknown expectation (RFC
** 9110 10.1.1), 501 a coding other than chunked. */
int wsm_framing_check_body (const struct wsm_head *request, uint64_t limit,
                            struct wsm_error *e);

/* Does the client wait for a 100 before it sends the body (RFC 9110 10.1.1)? */
bool wsm_framing_awaits_continue (const struct wsm_head *request);

/* May another request follow on the same connection (RFC 9112 9.3)? */
bool wsm_framing_persists (const struct wsm_head *request);

#endif
