#include "proxy/proxy_handshake.h"

#include "proxy/http_connect.h"
#include "proxy/proxy_error.h"
#include "proxy/socks5.h"
#include "base/hidden.h"

static bool is_socks (const struct wsm_proxy_handshake *x) {
  return x->proxy->kind >= WSM_PROXY_SOCKS5;
}

bool wsm_proxy_handshake_start (struct wsm_proxy_handshake *x,
                                struct wsm_buffer *out, struct wsm_error *e) {
  if (is_socks(x)) return wsm_socks5_start(x, out, e);
  if (wsm_http_connect_start(x, out)) return true;
  wsm_proxy_error_memory(x, e);
  return false;
}

enum wsm_proxy_handshake_status
wsm_proxy_handshake_read (struct wsm_proxy_handshake *x, struct wsm_buffer *in,
                          struct wsm_buffer *out, struct wsm_error *e) {
  if (is_socks(x)) return wsm_socks5_read(x, in, out, e);
  return wsm_http_connect_read(x, in, e);
}

void wsm_proxy_handshake_ended (const struct wsm_proxy_handshake *x,
                                struct wsm_error *e) {
  wsm_proxy_error(x, e, "ended the connection before it answered %s",
                  is_socks(x) ? "in SOCKS5" : "CONNECT");
}
