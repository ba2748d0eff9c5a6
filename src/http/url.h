/*
** url.h - parses ws:// and wss:// URLs
** Depends on ip.h. RFC 6455 3, RFC 3986 and the WebSockets standard (WHATWG),
** which also accepts http and https as names for ws and wss.
** Never resolves a name. Text goes in, spans of the same text come out.
*/
#ifndef WSM_URL_H
#define WSM_URL_H

#include <stdbool.h>
#include <stddef.h>
#include "base/error.h"
#include "base/span.h"

#define WSM_URL_LIMIT 65535 /* bytes of one */

struct wsm_url {
  bool secure; /* wss or https */
  bool ipv6;   /* host was in brackets; the span is without them */
  int port;    /* 1 to 65535; the scheme's own when absent */
  struct wsm_span scheme;
  struct wsm_span user;   /* userinfo, still percent-encoded; may be empty */
  struct wsm_span host;   /* not empty */
  struct wsm_span target; /* path and query; empty means "/" ; may begin with
                              '?' when the path is empty */
};

/* Parses text. false: e says what is wrong with it (scheme, host, port,
** fragment, a space or control character), quoting the text; final. */
bool wsm_url_parse (struct wsm_url *url, const char *text, size_t n,
                    struct wsm_error *e);

/* Parses "host:port" alone into host, ipv6 and port, which is left as it is
** when the text has none. false: as above. */
bool wsm_url_parse_host_port (struct wsm_url *url, struct wsm_span host_port,
                              struct wsm_error *e);

/* Writes it as an error shows it: without what may be secret, which is what
** precedes its last '@', and the query. Any text. Returns `to`. */
const char *wsm_url_quote (char to[WSM_QUOTE_SIZE], struct wsm_span url);

#endif
