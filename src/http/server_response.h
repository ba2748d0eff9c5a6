/*
** server_response.h - a server's HTTP response that is no 101
** Depends on header_lines.h, date.h, status.h and writer.h.
** Never sends chunks.
*/
#ifndef WSM_SERVER_RESPONSE_H
#define WSM_SERVER_RESPONSE_H

#include <stdint.h>
#include "base/buffer.h"

struct wsm_response {
  int status;
  const char *headers; /* "Name: value\r\n" lines, or NULL */
  const char *body;    /* plain text unless headers say more */
  size_t length;
  bool head_only;  /* a HEAD request: the length, no body */
  bool persistent; /* another request may follow */
  int64_t date_s;  /* since 1970, for Date (RFC 9110 6.6.1); 0: none */
};

/* Appends the response; false without memory, and nothing is appended. A 426 says
** Upgrade: websocket and Sec-WebSocket-Version: 13 (RFC 6455 4.4), a 405 Allow:
** GET; a 204 and a 304 have no body (RFC 9110 6.4.1). A Date among the headers
** replaces ours. */
bool wsm_response_write (struct wsm_buffer *to, const struct wsm_response *r);

#endif
