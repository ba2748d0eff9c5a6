/*
** proxy_url.h - parses the URL of a proxy
** Depends on url.h. "http://user:pass@host:port", "https://...",
** "socks5://...", "socks5h://..."; http without a scheme, as environment
** variables often have none.
** Never quotes a password.
*/
#ifndef WSM_PROXY_URL_H
#define WSM_PROXY_URL_H

#include <stdbool.h>
#include <stddef.h>
#include "base/error.h"
#include "base/span.h"

#define WSM_PROXY_NAME_SIZE 96 /* bytes of a proxy's name in an error */

enum wsm_proxy_kind {
  WSM_PROXY_HTTP,   /* CONNECT, RFC 9110 9.3.6 */
  WSM_PROXY_HTTPS,  /* the same over TLS to the proxy */
  WSM_PROXY_SOCKS5, /* RFC 1928; the target's name is resolved here */
  WSM_PROXY_SOCKS5H /* the same; the proxy resolves it */
};

struct wsm_proxy {
  enum wsm_proxy_kind kind;
  bool ipv6;            /* host was in brackets; the span is without them */
  int port;             /* 80, 443 or 1080 when absent */
  struct wsm_span user; /* "name:password", percent-encoded; may be empty */
  struct wsm_span host; /* not empty */
};

/* Parses text; spans of it come out. false: e says what is wrong with it
** (scheme, host, port, a path, a name or password too long for SOCKS5) as
** WSM_PROXY; final. */
bool wsm_proxy_parse (struct wsm_proxy *proxy, const char *text, size_t n,
                      struct wsm_error *e);

/* "proxy.example.com:3128", for errors; cut if it is long. Returns `to`. */
const char *wsm_proxy_name (char to[WSM_PROXY_NAME_SIZE],
                            const struct wsm_proxy *proxy);

#endif
