/*
** redirect.h - the URL of a redirect, and the headers that may follow it
** Depends on url.h, authority.h and head.h (RFC 3986 5, RFC 9110 15.4).
** Never leads from wss to ws or from https to http, and never counts: the caller limits how often.
*/
#ifndef WSM_REDIRECT_H
#define WSM_REDIRECT_H

#include <stdbool.h>
#include "base/buffer.h"
#include "base/error.h"
#include "http/url.h"

/* Appends the ws or wss URL that location names, relative to `from`; dots are
** resolved and a fragment is left out. userinfo is kept within one origin. With
** `http` it is an http or https URL, and location may not be one of ws.
** changed: the origin is another, so the credentials must not be sent. false: e
** says why (WSM_HANDSHAKE, final; WSM_FULL without memory), and nothing is
** appended. */
struct wsm_redirect {
  const struct wsm_url *from;
  struct wsm_span location;
  bool http, changed;
};
bool wsm_redirect_follow (struct wsm_redirect *r, struct wsm_buffer *to,
                          struct wsm_error *e);

/* The same scheme, host and port? */
bool wsm_same_origin (const struct wsm_url *a, const struct wsm_url *b);

/* Appends "Name: value\r\n" lines without those meant for one origin: Cookie,
** Host, Authorization, Proxy-Authorization, and others with a word in their name
** that tells of a credential, as X-Api-Key and Private-Token. false without memory,
** and nothing is appended. */
bool wsm_redirect_filter (struct wsm_buffer *to, const char *lines);

/* Does one of the subprotocols (a list, or NULL for none) carry a credential? A
** browser's page has no other place for one: "access_token, eyJhbGci...". So does
** one with a word of those, or with one that begins as JSON in base64 does. */
bool wsm_redirect_protocols_have_credential (const char *protocols);

#endif
