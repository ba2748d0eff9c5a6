/*
** verify.h - why a peer's certificate was not accepted, in one sentence
** Stands on OpenSSL's X.509 verification, which calls wsm_verify_callback.
** and pinned_key.h. Never changes OpenSSL's verdict, but to refuse.
*/
#ifndef WSM_VERIFY_H
#define WSM_VERIFY_H

#include <stdbool.h>
#include <openssl/x509_vfy.h>
#include "base/error.h"

struct wsm_tls_context;

/* What the callbacks of one connection find as its SSL's app data. */
struct wsm_tls_peer {
  struct wsm_tls_context *context;
  char *host;              /* the name verified; NULL: the peer is a client */
  struct wsm_error *error; /* of the call under way */
  bool judged;             /* a certificate was refused; error says why */
};

/* The verify callback of each context that verifies. */
int wsm_verify_callback (int accepted, X509_STORE_CTX *chain);

/* Verifies the chain, if the context does, and then the key by the context's
** pins: the certificate verify callback of each context that has some. */
int wsm_verify_certificate (X509_STORE_CTX *chain, void *context);

#endif
