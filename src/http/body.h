/*
** body.h - the body that follows a head, and where it ends (RFC 9112 6 and 7)
** Depends on head.h.
** Never copies: bytes go in, and the pieces of the body among them come out.
** Never keeps a chunk's extensions or the trailers, and bounds them.
*/
#ifndef WSM_BODY_H
#define WSM_BODY_H

#include <stdbool.h>
#include <stdint.h>
#include "http/head.h"

#define WSM_BODY_EXTRA_LIMIT 16384 /* of extensions, trailers, leading zeros */

struct wsm_body {
  uint64_t left;  /* bytes of the body, or of the chunk */
  uint32_t extra; /* bytes, as of the limit */
  uint8_t step;
};

enum wsm_body_status {
  WSM_BODY_MORE, /* more bytes are needed, or the end of the connection */
  WSM_BODY_DATA, /* a piece of the body */
  WSM_BODY_END,
  WSM_BODY_BAD /* its framing is broken: no byte after it can be told */
};

/* Gets ready for the body that the head announces, of a request or of a
** response that is no 101. One without a length ends with the connection. */
void wsm_body_start (struct wsm_body *b, const struct wsm_head *head);

/* Takes bytes off the front of in; with WSM_BODY_DATA the piece is a span of
** them. Call it again while it returns that. */
enum wsm_body_status wsm_body_take (struct wsm_body *b, struct wsm_span *in,
                                    struct wsm_span *piece);

/* Does a request announce a body (Transfer-Encoding, or a Content-Length that
** is not 0)? */
bool wsm_body_is_announced (const struct wsm_head *head);

/* The value of a Content-Length. false: no number. One that is too large for 64
** bits is UINT64_MAX. */
bool wsm_body_parse_length (struct wsm_span text, uint64_t *length);

/* May a response of that status have a body (RFC 9110 6.4.1)? */
bool wsm_body_is_allowed (int status);

#endif
