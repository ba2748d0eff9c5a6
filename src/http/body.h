/*
** body.h - what a head tells of the body that follows (RFC 9112 6)
** Depends on head.h.
** Never reads a body.
*/
#ifndef WSM_BODY_H
#define WSM_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include "http/head.h"

/* Content-Length, at most limit; limit where there is none or no number. */
size_t wsm_body_length (const struct wsm_head *head, size_t limit);

/* Does a request announce a body (Transfer-Encoding, or a Content-Length that
** is not 0)? */
bool wsm_body_is_announced (const struct wsm_head *head);

/* May a response of that status have a body (RFC 9110 6.4.1)? */
bool wsm_body_is_allowed (int status);

#endif
