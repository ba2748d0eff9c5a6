/*
** proxy_stream.h - the way through a proxy, over the stream below
** Depends on proxy_handshake.h. Until the proxy has connected us it speaks to
** the proxy; from then on it passes everything on.
** Never looks at a byte of the peer behind the proxy.
*/
#ifndef WSM_PROXY_STREAM_H
#define WSM_PROXY_STREAM_H

#include "base/span.h"
#include "stream/stream.h"

struct wsm_proxy;

struct wsm_proxy_stream_setup {
  const struct wsm_proxy *proxy; /* borrowed until it is open */
  struct wsm_span host; /* the target, borrowed likewise; for socks5 a numeric
                           address */
  int port;
  struct wsm_pool *pool;
};

/* Takes below over, on failure too. NULL: e says why. */
struct wsm_stream *
wsm_proxy_stream_new (struct wsm_stream *below,
                      const struct wsm_proxy_stream_setup *setup,
                      struct wsm_error *e);

#endif
