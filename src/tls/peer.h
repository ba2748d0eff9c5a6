/*
** peer.h - what OpenSSL's callbacks know of the peer of one connection
** Depends on error.h. The app data of the connection's SSL points to it.
*/
#ifndef WSM_TLS_PEER_H
#define WSM_TLS_PEER_H

#include <stdbool.h>
#include "base/error.h"

struct wsm_tls_context;

struct wsm_tls_peer {
  struct wsm_tls_context *context;
  char *host;              /* the name verified; NULL: the peer is a client */
  const char *pinned_keys; /* the context's; NULL: any key will do */
  bool verify;             /* its certificate chain */
  bool anonymous;          /* it sees no certificate of ours */
  bool explained;          /* a certificate was refused; error says why */
  struct wsm_error *error; /* of the call under way, else NULL */
};

#endif
