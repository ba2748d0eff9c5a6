/*
** proxy_handshake.h - what is said to a proxy before the way to a target is free
** Stands on proxy_url.h, head.h and ip.h. CONNECT (RFC 9110 9.3.6) for http and
** https, SOCKS5 (RFC 1928, with the user and password of RFC 1929) for the
** others. Bytes go in, bytes come out.
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

#define WSM_PROXY_HANDSHAKE_LIMIT \
  16384 /* bytes of heads that a proxy may answer */

enum wsm_proxy_handshake_status {
  WSM_PROXY_HANDSHAKE_MORE,  /* the proxy has more to say */
  WSM_PROXY_HANDSHAKE_OPEN,  /* what comes from now on is the target's */
  WSM_PROXY_HANDSHAKE_FAILED /* e says what the proxy said */
};

/* Set the first three, zero the rest. All is borrowed. */
struct wsm_proxy_handshake {
  const struct wsm_proxy *proxy;
  struct wsm_span host; /* of the target, without brackets; for socks5 a
                           numeric address */
  int port;
  uint8_t phase; /* of SOCKS5 */
  size_t passed; /* bytes of interim answers (RFC 9110 15.2) */
};

/* Appends the first words to out. false: e says why (no memory, or a target
** that SOCKS5 cannot name). */
bool wsm_proxy_handshake_start (struct wsm_proxy_handshake *x,
                                struct wsm_buffer *out, struct wsm_error *e);

/* Takes what is the proxy's off in and appends what it is told to out. After
** WSM_PROXY_HANDSHAKE_OPEN the rest of in belongs to the tunnel. Errors are WSM_PROXY,
** or WSM_TOOBIG for an endless answer, name the proxy and say what it said;
** final when it would say the same again. */
enum wsm_proxy_handshake_status
wsm_proxy_handshake_read (struct wsm_proxy_handshake *x, struct wsm_buffer *in,
                          struct wsm_buffer *out, struct wsm_error *e);

/* The proxy has hung up in the middle of it: says so in e. */
void wsm_proxy_handshake_ended (const struct wsm_proxy_handshake *x,
                                struct wsm_error *e);

#endif
