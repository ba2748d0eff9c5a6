/*
** upgrade.h - request and response of the opening handshake (RFC 6455 section 4)
** Depends on the http room and on OpenSSL's SHA-1 and base64 (libcrypto). Writes
** and checks requests and responses.
** Never reads a socket or a random source: 16 random bytes are handed in.
*/
#ifndef WSM_UPGRADE_H
#define WSM_UPGRADE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/buffer.h"
#include "base/error.h"
#include "http/head.h"
#include "http/server_response.h"
#include "http/url.h"

#define WSM_NONCE_SIZE 16
#define WSM_KEY_TEXT 25    /* Sec-WebSocket-Key and its terminator */
#define WSM_ACCEPT_TEXT 29 /* Sec-WebSocket-Accept and its terminator */

/* Sec-WebSocket-Key of 16 random bytes, and Sec-WebSocket-Accept of a key (of at
** most WSM_KEY_TEXT - 1 bytes). */
void wsm_key_write (char to[WSM_KEY_TEXT],
                    const unsigned char nonce[WSM_NONCE_SIZE]);
void wsm_accept_write (char to[WSM_ACCEPT_TEXT], const char *key, size_t n);

/* A client's request. The texts were checked, are terminated, may be NULL. */
struct wsm_request {
  const struct wsm_url *url;
  const char *key;        /* of wsm_key_write */
  const char *protocols;  /* "chat, superchat" */
  bool protocol_optional; /* the server may choose none of them */
  const char *extensions; /* the offer, RFC 6455 9.1 */
  const char *headers;    /* "Name: value\r\n" lines of the user; a Host,
                             User-Agent or Authorization replaces ours */
};

/* Appends the request; false without memory, and nothing is appended. The
** URL's userinfo becomes Authorization: Basic; characters that a URL may not
** have are percent-encoded. */
bool wsm_upgrade_request (struct wsm_buffer *to,
                          const struct wsm_request *request);

/* What a 101 response agrees on. */
struct wsm_agreement {
  struct wsm_span protocol;   /* empty: none */
  struct wsm_span extensions; /* as in the response; empty: none */
};

/* Is the response a valid 101 for the request (RFC 6455 4.1)? false: e says what
** is missing; final: an extension or subprotocol that was not offered, none of
** those that were (WHATWG WebSockets 2) unless that is optional, a second
** Sec-WebSocket-Accept. Content-Length, Transfer-Encoding and several Connection
** headers in a 101 are accepted, as browsers do. The
** error names a status other than 101, and is final for 4xx but 408, 425 and
** 429. The parameters of extensions are checked by extension.h. */
bool wsm_upgrade_check_response (const struct wsm_head *response,
                                 const struct wsm_request *request,
                                 struct wsm_agreement *agreed,
                                 struct wsm_error *e);

/* Does the request want a WebSocket, be it rightly asked for or not? Another
** Upgrade may be ignored (RFC 9110 7.8). */
bool wsm_upgrade_is_asked_for (const struct wsm_head *request);

/* Is the request an opening handshake (RFC 6455 4.2.1)? 0: yes; else the HTTP
** status that rejects it (400, 405, 426 ...) and e says why. 405 and 426 also
** for plain HTTP requests; wsm_response_write adds the version that a 426
** must have (4.4). */
int wsm_upgrade_check_request (const struct wsm_head *request,
                               struct wsm_error *e);

/* Appends the 101 to a request that wsm_upgrade_check_request accepts; false as
** above. protocol, extensions and headers ("Name: value\r\n" lines) may be
** NULL. */
bool wsm_upgrade_accept (struct wsm_buffer *to, const struct wsm_head *request,
                         const char *protocol, const char *extensions,
                         const char *headers);

/* The first of the server's subprotocols ("a, b") that the client offers; an
** empty span when there is none (RFC 6455 4.2.2). */
struct wsm_span wsm_subprotocol_choose (const struct wsm_head *request,
                                        const char *supported);

#endif
