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
#include "common/buffer.h"
#include "common/error.h"
#include "protocol/url.h"

#define WSM_HEADERS_LIMIT 128      /* header lines of one head */
#define WSM_NONCE_SIZE 16
#define WSM_KEY_TEXT 25            /* Sec-WebSocket-Key and its terminator */
#define WSM_ACCEPT_TEXT 29         /* Sec-WebSocket-Accept, likewise */

struct wsm_header {
  struct wsm_span name, value;     /* the value without spaces around it */
};

/* The head of an HTTP message; spans of the parsed text. */
struct wsm_head {
  int status;                      /* of an answer; 0 for a request */
  int minor;                       /* HTTP/1.minor */
  struct wsm_span method, target;  /* of a request */
  struct wsm_span reason;          /* of an answer */
  size_t count;
  struct wsm_header headers[WSM_HEADERS_LIMIT];
};

/* Read one head at the start of text. Return its length with the empty line;
** 0: more is needed; -1: e says what is wrong (final unless the peer may
** change its mind). Lines end in CRLF; a bare LF, a folded line, a control
** character or a space before the colon is refused (RFC 9112 2.2, 5.1). */
long wsm_head_parse_answer (struct wsm_head *head, const char *text, size_t n,
                            struct wsm_error *e);
long wsm_head_parse_request (struct wsm_head *head, const char *text, size_t n,
                             struct wsm_error *e);

/* The first header of that name (ASCII case does not matter), or NULL. */
const struct wsm_header *wsm_head_find (const struct wsm_head *head,
                                        const char *name);

/* Does any header of that name list the token (comma-separated, any case)? */
bool wsm_head_lists (const struct wsm_head *head, const char *name,
                     const char *token);

/* Is it a token (RFC 9110 5.6.2)? Header names and subprotocols are. */
bool wsm_token_is_valid (const char *text, size_t n);

/* May it be a header's value: no CR, LF, NUL or other control but tab? */
bool wsm_value_is_valid (const char *text, size_t n);

/* The 16 random bytes as Sec-WebSocket-Key, and what answers a key. */
void wsm_key_write (char to[WSM_KEY_TEXT],
                    const unsigned char nonce[WSM_NONCE_SIZE]);
void wsm_accept_write (char to[WSM_ACCEPT_TEXT], const char *key, size_t n);

/* What a client asks for. All text is checked, terminated, may be NULL. */
struct wsm_ask {
  const struct wsm_url *url;
  const char *key;                 /* of wsm_key_write */
  const char *protocols;           /* "chat, superchat" */
  const char *extensions;          /* the offer, RFC 6455 9.1 */
  const char *headers;             /* "Name: value\r\n" lines of the user; one
                                      called Host, Origin, User-Agent or
                                      Authorization replaces ours */
};

/* Appends the request; false without memory. The URL's userinfo becomes
** Authorization: Basic. */
bool wsm_handshake_ask (struct wsm_buffer *to, const struct wsm_ask *ask);

/* What an answer agreed on. */
struct wsm_agreement {
  struct wsm_span protocol;        /* empty: none */
  struct wsm_span extensions;      /* as answered; empty: none */
};

/* Is the answer a 101 to that ask? false: e says what is missing. An extension
** nobody offered, a subprotocol nobody offered, two accepts: refused
** (RFC 6455 4.1). Content-Length, Transfer-Encoding and several Connection
** headers beside a 101 are accepted, as browsers do. A status other than 101
** is WSM_HANDSHAKE, naming it; final for 4xx but 408, 425 and 429. */
bool wsm_handshake_judge (const struct wsm_head *answer,
                          const struct wsm_ask *ask,
                          struct wsm_agreement *agreed, struct wsm_error *e);

/* Is the request an opening handshake (RFC 6455 4.2.1)? 0: yes; else the HTTP
** status that refuses it (400, 405, 426 ...) and e says why. 426 stands also
** for a plain HTTP request without Upgrade. */
int wsm_handshake_examine (const struct wsm_head *request,
                           struct wsm_error *e);

/* Appends the 101 that accepts it. protocol and extensions may be NULL;
** headers are "Name: value\r\n" lines. */
bool wsm_handshake_accept (struct wsm_buffer *to, const struct wsm_head *request,
                           const char *protocol, const char *extensions,
                           const char *headers);

/* Appends a plain HTTP answer that closes the connection. headers as above,
** may be NULL; body_only_length: a HEAD request gets no body. */
struct wsm_reply {
  int status;
  const char *headers;
  const char *body;
  size_t length;
  bool head_only;
};
bool wsm_handshake_reply (struct wsm_buffer *to, const struct wsm_reply *reply);

/* "Not Found" for 404; "" for a status without a name. */
const char *wsm_status_text (int status);

/* The first of the server's subprotocols ("a, b") that the client lists; an
** empty span when there is none (RFC 6455 4.2.2). */
struct wsm_span wsm_protocol_choose (const struct wsm_head *request,
                                     const char *supported);

#endif
