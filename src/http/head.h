/*
** head.h - the head of an HTTP/1.1 message: its first line and its headers
** Depends on span.h (RFC 9112). Lines end in CRLF; a bare LF or CR, a folded line,
** a control character and a space before the colon are errors (2.2, 5.1).
** Never copies, never reads a body. Malformed input fails at its first bad byte.
** Empty lines before a request are skipped.
*/
#ifndef WSM_HEAD_H
#define WSM_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include "base/error.h"
#include "base/span.h"

#define WSM_HEADERS_LIMIT 128 /* header lines of one head */

struct wsm_header {
  struct wsm_span name, value; /* the value without spaces around it */
};

/* The head of an HTTP message; spans of the parsed text. */
struct wsm_head {
  int status;                     /* of a response; 0 for a request */
  int minor;                      /* HTTP/1.minor */
  struct wsm_span method, target; /* of a request */
  struct wsm_span reason;         /* of a response */
  size_t count;
  struct wsm_header headers[WSM_HEADERS_LIMIT];
};

/* Parse one head at the start of text. Return its length with the empty line; 0:
** more is needed (then pass the whole text again); -1: e says what is wrong:
** WSM_TOOBIG for too many lines, else WSM_HANDSHAKE; final. */
long wsm_head_parse_response (struct wsm_head *head, const char *text, size_t n,
                              struct wsm_error *e);
long wsm_head_parse_request (struct wsm_head *head, const char *text, size_t n,
                             struct wsm_error *e);

/* Takes one "Name: value\r\n" off the front of lines. 1: a header; 2: the empty
** line that ends a head; 0: there is no whole line left; -1: e says what is wrong
** with it. */
int wsm_header_take (struct wsm_span *lines, struct wsm_header *header,
                     struct wsm_error *e);

/* The first header of that name (ASCII case does not matter), or NULL. */
const struct wsm_header *wsm_head_find (const struct wsm_head *head,
                                        const char *name);

/* The next of that name after one of head's; after NULL the first. */
const struct wsm_header *wsm_head_next (const struct wsm_head *head,
                                        const char *name,
                                        const struct wsm_header *after);

/* How many headers of that name there are. */
size_t wsm_head_count (const struct wsm_head *head, const char *name);

/* Does any header of that name list the token (comma-separated, any case)? */
bool wsm_head_lists (const struct wsm_head *head, const char *name,
                     const char *token);

/* Is it a token (RFC 9110 5.6.2)? Header names and subprotocols are. */
bool wsm_token_is_valid (const char *text, size_t n);

/* May it be a header's value: no control character but tab? */
bool wsm_value_is_valid (const char *text, size_t n);

#endif
