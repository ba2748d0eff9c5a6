/*
** http_text.h - an HTTP response where a frame was due
** Depends on span.h and error.h. Some servers reject after their 101 (Engine.IO
** 3), and some proxies answer 408 or 502 into an open WebSocket.
** Never decides that a session fails: it explains why one did.
*/
#ifndef WSM_HTTP_TEXT_H
#define WSM_HTTP_TEXT_H

#include <stdint.h>
#include "base/error.h"
#include "base/span.h"

/* Text stands where a frame was due, after *matched bytes of "HTTP/". If it
** begins with the rest of them, e says so and *matched is 0; *matched is also 0
** once it cannot. Else call again with the text that follows. */
void wsm_http_text_match (uint8_t *matched, struct wsm_span text,
                          struct wsm_error *e);

#endif
