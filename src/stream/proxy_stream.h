/*
** proxy_stream.h - a tunnel through a proxy, over the stream below
** Depends on proxy_handshake.h. Until the proxy has connected us it does the
** handshake with it; from then on it passes all bytes on.
** Never reads into what the peer behind the proxy sends.
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

/* Owns below from now on; closes it on failure. NULL: e says why. */
struct wsm_stream *
wsm_proxy_stream_new (struct wsm_stream *below,
                      const struct wsm_proxy_stream_setup *setup,
                      struct wsm_error *e);

#endif
