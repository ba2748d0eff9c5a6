#include "stream/stack.h"

#include "base/span.h"
#include "io/loop.h"
#include "proxy/proxy_url.h"
#include "stream/proxy_stream.h"
#include "stream/socket_stream.h"
#include "stream/tls_stream.h"
#include "base/hidden.h"

static struct wsm_stream *add_target_tls (const struct wsm_stack_setup *setup,
                                          struct wsm_stream *below,
                                          struct wsm_error *e) {
  const struct wsm_tls_stream_setup tls = {
    setup->loop, setup->tls,       setup->host,
    NULL,        setup->anonymous, setup->other_host
  };
  if (setup->tls) return wsm_tls_stream_new(below, &tls, e);
  wsm_error_set(e, WSM_TLS, "there are no TLS rules for %s", setup->host);
  e->final = true;
  wsm_stream_close(below);
  return NULL;
}

static struct wsm_stream *add_proxy_tls (const struct wsm_stack_setup *setup,
                                         struct wsm_stream *below,
                                         struct wsm_error *e) {
  const struct wsm_stack_proxy *proxy = setup->proxy;
  const struct wsm_tls_stream_setup tls = { setup->loop, proxy->tls,
                                            proxy->host, proxy->label,
                                            false,       false };
  if (proxy->tls) return wsm_tls_stream_new(below, &tls, e);
  wsm_error_set(e, WSM_TLS, "TLS with %s: there are no TLS rules for it",
                proxy->label);
  wsm_stream_close(below);
  return NULL;
}

static struct wsm_stream *add_proxy (const struct wsm_stack_setup *setup,
                                     struct wsm_stream *below,
                                     struct wsm_error *e) {
  struct wsm_proxy_stream_setup proxy;
  proxy.proxy = setup->proxy->url;
  proxy.host = wsm_span_of(setup->proxy->target);
  proxy.port = setup->port;
  proxy.pool = wsm_loop_pool(setup->loop);
  return wsm_proxy_stream_new(below, &proxy, e);
}

struct wsm_stream *wsm_stack_connect (const struct wsm_stack_setup *setup,
                                      int fd, struct wsm_error *e) {
  const struct wsm_stack_proxy *proxy = setup->proxy;
  struct wsm_stream *top = wsm_socket_stream_new(setup->loop, fd, e);
  if (top && proxy && proxy->url->kind == WSM_PROXY_HTTPS)
    top = add_proxy_tls(setup, top, e);
  if (top && proxy) top = add_proxy(setup, top, e);
  if (top && setup->secure) top = add_target_tls(setup, top, e);
  return top;
}

struct wsm_stream *wsm_stack_accept (struct wsm_loop *loop, int fd,
                                     struct wsm_tls_context *tls,
                                     struct wsm_error *e) {
  const struct wsm_tls_stream_setup setup = { loop, tls,   NULL,
                                              NULL, false, false };
  struct wsm_stream *top = wsm_socket_stream_new(loop, fd, e);
  return top && tls ? wsm_tls_stream_new(top, &setup, e) : top;
}
