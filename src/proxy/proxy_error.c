#include "proxy/proxy_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/hidden.h"

static void set (const struct wsm_proxy_handshake *x, struct wsm_error *e,
                 const char *format, va_list args) {
  char what[WSM_DETAIL_SIZE], name[WSM_PROXY_NAME_SIZE];
  vsnprintf(what, sizeof what, format, args);
  wsm_error_set(e, WSM_PROXY, "the proxy %s %s", wsm_proxy_name(name, x->proxy),
                what);
}

enum wsm_proxy_handshake_status
wsm_proxy_error (const struct wsm_proxy_handshake *x, struct wsm_error *e,
                 const char *format, ...) {
  va_list args;
  va_start(args, format);
  set(x, e, format, args);
  va_end(args);
  return WSM_PROXY_HANDSHAKE_FAILED;
}

enum wsm_proxy_handshake_status
wsm_proxy_error_final (const struct wsm_proxy_handshake *x, struct wsm_error *e,
                       const char *format, ...) {
  va_list args;
  va_start(args, format);
  set(x, e, format, args);
  va_end(args);
  e->final = true;
  return WSM_PROXY_HANDSHAKE_FAILED;
}

enum wsm_proxy_handshake_status
wsm_proxy_error_memory (const struct wsm_proxy_handshake *x,
                        struct wsm_error *e) {
  char name[WSM_PROXY_NAME_SIZE];
  wsm_error_set(e, WSM_FULL, "no memory to speak to the proxy %s",
                wsm_proxy_name(name, x->proxy));
  return WSM_PROXY_HANDSHAKE_FAILED;
}

const char *wsm_proxy_error_target (char to[WSM_PROXY_NAME_SIZE],
                                    const struct wsm_proxy_handshake *x) {
  struct wsm_proxy target;
  memset(&target, 0, sizeof target);
  target.host = x->host;
  target.port = x->port;
  return wsm_proxy_name(to, &target);
}
