#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "proxy/proxy_handshake_internal.h"

static bool speaks_socks (const struct wsm_proxy_handshake *x) {
  return x->proxy->kind >= WSM_PROXY_SOCKS5;
}

enum wsm_proxy_handshake_status
wsm_proxy_handshake_refuse (const struct wsm_proxy_handshake *x,
                            struct wsm_error *e, const char *format, ...) {
  char said[WSM_DETAIL_SIZE], place[WSM_PROXY_PLACE];
  va_list args;
  va_start(args, format);
  vsnprintf(said, sizeof said, format, args);
  va_end(args);
  wsm_error_set(e, WSM_PROXY, "the proxy %s %s",
                wsm_proxy_place(place, x->proxy), said);
  return WSM_PROXY_HANDSHAKE_FAILED;
}

/* A target is named as a proxy is. */
const char *wsm_proxy_handshake_target (char to[WSM_PROXY_PLACE],
                                        const struct wsm_proxy_handshake *x) {
  struct wsm_proxy target;
  memset(&target, 0, sizeof target);
  target.host = x->host;
  target.port = x->port;
  target.ipv6 = memchr(x->host.text, ':', x->host.length) != NULL;
  return wsm_proxy_place(to, &target);
}

enum wsm_proxy_handshake_status
wsm_proxy_handshake_starve (const struct wsm_proxy_handshake *x,
                            struct wsm_error *e) {
  char place[WSM_PROXY_PLACE];
  wsm_error_set(e, WSM_FULL, "no memory to speak to the proxy %s",
                wsm_proxy_place(place, x->proxy));
  return WSM_PROXY_HANDSHAKE_FAILED;
}

bool wsm_proxy_handshake_start (struct wsm_proxy_handshake *x,
                                struct wsm_buffer *out, struct wsm_error *e) {
  if (speaks_socks(x)) return wsm_socks5_start(x, out, e);
  if (wsm_http_connect_start(x, out)) return true;
  wsm_proxy_handshake_starve(x, e);
  return false;
}

enum wsm_proxy_handshake_status
wsm_proxy_handshake_read (struct wsm_proxy_handshake *x, struct wsm_buffer *in,
                          struct wsm_buffer *out, struct wsm_error *e) {
  if (speaks_socks(x)) return wsm_socks5_read(x, in, out, e);
  return wsm_http_connect_read(x, in, e);
}

void wsm_proxy_handshake_ended (const struct wsm_proxy_handshake *x,
                                struct wsm_error *e) {
  wsm_proxy_handshake_refuse(x, e, "ended the connection before it answered %s",
                             speaks_socks(x) ? "in SOCKS5" : "CONNECT");
}
