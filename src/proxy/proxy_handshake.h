/*
** proxy_handshake.h - the handshake that opens a tunnel through a proxy
** Depends on proxy_url.h; http_connect.h for http and https, socks5.h for the
** other kinds. Bytes go in, bytes come out.
** Never touches a socket, never resolves a name, and never takes a byte that
** belongs to the tunnel.
*/
#ifndef WSM_PROXY_HANDSHAKE_H
#define WSM_PROXY_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buffer.h"
#include "base/error.h"
#include "proxy/proxy_url.h"

/* Bytes of HTTP heads that a proxy may send, interim responses included. */
#define WSM_PROXY_HANDSHAKE_LIMIT 16384

enum wsm_proxy_handshake_status {
  WSM_PROXY_HANDSHAKE_MORE,  /* more bytes of the proxy are needed */
  WSM_PROXY_HANDSHAKE_OPEN,  /* what comes from now on is the target's */
  WSM_PROXY_HANDSHAKE_FAILED /* e says why */
};

/* Set the first three, zero the rest. All is borrowed. */
struct wsm_proxy_handshake {
  const struct wsm_proxy *proxy;
  struct wsm_span host; /* of the target, without brackets; for socks5 a
                           numeric address */
  int port;
  uint8_t socks_step;
  size_t interim_bytes; /* of 1xx responses, RFC 9110 15.2 */
};

/* Appends the first request to out. false: e says why (no memory, or a target
** that SOCKS5 cannot name). */
bool wsm_proxy_handshake_start (struct wsm_proxy_handshake *x,
                                struct wsm_buffer *out, struct wsm_error *e);

/* Takes the proxy's bytes off in and appends the next request to out. After
** WSM_PROXY_HANDSHAKE_OPEN the rest of in belongs to the tunnel. Errors are
** WSM_PROXY, or WSM_TOOBIG for an endless response, and name the proxy; final
** when the proxy would respond the same again. */
enum wsm_proxy_handshake_status
wsm_proxy_handshake_read (struct wsm_proxy_handshake *x, struct wsm_buffer *in,
                          struct wsm_buffer *out, struct wsm_error *e);

/* The proxy ended the connection during the handshake: sets e. */
void wsm_proxy_handshake_ended (const struct wsm_proxy_handshake *x,
                                struct wsm_error *e);

#endif
