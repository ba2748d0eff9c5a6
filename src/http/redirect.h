/*
** redirect.h - where an answer sends a client, and what may go with it
** Stands on url.h, RFC 3986 section 5 and RFC 9110 15.4.
** Never leads from wss to ws, and never counts: how often is the caller's.
*/
#ifndef WSM_REDIRECT_H
#define WSM_REDIRECT_H

#include <stdbool.h>
#include "base/buffer.h"
#include "base/error.h"
#include "http/url.h"

/* 301, 302, 303, 307 or 308? */
bool wsm_redirect_is (int status);

/* Appends the ws or wss URL that location names, seen from a URL; dots are
** resolved and a fragment is left out. The user part goes along within one
** origin. changed: the origin is another, so that what was for this one must
** stay here. false: e says why (WSM_HANDSHAKE, final; WSM_FULL without memory),
** and nothing is appended. */
struct wsm_redirect {
  const struct wsm_url *from;
  struct wsm_span location;
  bool changed;
};
bool wsm_redirect_follow (struct wsm_redirect *r, struct wsm_buffer *to,
                          struct wsm_error *e);

/* The same scheme, host and port? */
bool wsm_same_origin (const struct wsm_url *a, const struct wsm_url *b);

/* Appends "Name: value\r\n" lines without those that were for one origin:
** Authorization, Cookie, Proxy-Authorization and Host. false without memory,
** and nothing is appended. */
bool wsm_redirect_filter (struct wsm_buffer *to, const char *lines);

#endif
