/*
** context.h - the fields of a TLS context, for tls.c
** Depends on OpenSSL's SSL_CTX. What its users may call is in tls.h.
** Never touches a connection.
*/
#ifndef WSM_TLS_CONTEXT_H
#define WSM_TLS_CONTEXT_H

#include <stdbool.h>
#include <stdio.h>
#include <openssl/ssl.h>
#include "tls/tls.h"

struct wsm_tls_context {
  SSL_CTX *ssl;
  BIO_METHOD *bio;
  char *hostname;    /* instead of the URL's; NULL: the URL's */
  char *pinned_keys; /* as wsm_tls_options.pin */
  FILE *keylog;
  SSL_SESSION *session; /* the newest TLS session of a client */
  char *session_host;   /* whom it is with */
  long references;
  bool server;
  bool verify; /* the peer's certificate */
};

/* The TLS session to resume with this host, for the caller to free; or NULL. */
SSL_SESSION *wsm_tls_context_session (struct wsm_tls_context *c,
                                      const char *host);

#endif
