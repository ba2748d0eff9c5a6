/*
** handshake.h - the opening handshake, for both roles (RFC 6455 section 4)
** Stands on OpenSSL's SHA-1 and base64 (libcrypto). Builds and judges one
** request and one answer; the bytes are somebody else's.
** Never reads a socket or draws the key: 16 random bytes are handed in.
*/
#ifndef WSM_HANDSHAKE_H
#define WSM_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/buffer.h"
#include "base/error.h"
#include "http/head.h"
#include "http/response.h"
#include "http/url.h"

#define WSM_NONCE_SIZE 16
#define WSM_KEY_TEXT 25    /* Sec-WebSocket-Key and its terminator */
#define WSM_ACCEPT_TEXT 29 /* Sec-WebSocket-Accept, likewise */

/* The 16 random bytes as Sec-WebSocket-Key, and what answers a key (of at most
** WSM_KEY_TEXT - 1 bytes). */
void wsm_key_write (char to[WSM_KEY_TEXT],
                    const unsigned char nonce[WSM_NONCE_SIZE]);
void wsm_accept_write (char to[WSM_ACCEPT_TEXT], const char *key, size_t n);

/* What a client asks for. All text is checked, terminated, may be NULL. */
struct wsm_request {
  const struct wsm_url *url;
  const char *key;        /* of wsm_key_write */
  const char *protocols;  /* "chat, superchat" */
  const char *extensions; /* the offer, RFC 6455 9.1 */
  const char *headers;    /* "Name: value\r\n" lines of the user; one called
                             Host, Origin, User-Agent or Authorization
                             replaces ours */
};

/* Appends the request; false without memory, and nothing is appended. The
** URL's userinfo becomes Authorization: Basic; what a URL may not hold raw is
** percent-encoded. */
bool wsm_handshake_request (struct wsm_buffer *to,
                            const struct wsm_request *ask);

/* What an answer agreed on. */
struct wsm_agreement {
  struct wsm_span protocol;   /* empty: none */
  struct wsm_span extensions; /* as answered; empty: none */
};

/* Is the answer a 101 to that ask? false: e says what is missing. An extension
** nobody offered, a subprotocol nobody offered, two accepts: refused
** (RFC 6455 4.1); final, as a 1002 is. Content-Length, Transfer-Encoding and
** several Connection headers beside a 101 are accepted, as browsers do. A
** status other than 101 is WSM_HANDSHAKE, naming it; final for 4xx but 408, 425
** and 429. No subprotocol at all is an agreement, whatever was offered; the
** parameters of the extensions are not judged here. */
bool wsm_handshake_check_response (const struct wsm_head *answer,
                                   const struct wsm_request *ask,
                                   struct wsm_agreement *agreed,
                                   struct wsm_error *e);

/* Is the request an opening handshake (RFC 6455 4.2.1)? 0: yes; else the HTTP
** status that refuses it (400, 405, 426 ...) and e says why. 426 stands also
** for a plain HTTP request without Upgrade. A 426 has to name the version
** (4.4), which wsm_response_write does by itself. */
int wsm_handshake_check_request (const struct wsm_head *request,
                                 struct wsm_error *e);

/* Appends the 101 that accepts a request which wsm_handshake_check_request let pass;
** false as above. protocol, extensions and headers ("Name: value\r\n" lines)
** may be NULL. */
bool wsm_handshake_accept (struct wsm_buffer *to,
                           const struct wsm_head *request, const char *protocol,
                           const char *extensions, const char *headers);

/* The first of the server's subprotocols ("a, b") that the client lists; an
** empty span when there is none (RFC 6455 4.2.2). */
struct wsm_span wsm_protocol_choose (const struct wsm_head *request,
                                     const char *supported);

#endif
