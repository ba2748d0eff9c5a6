/*
** context.h - certificates and rules, as tls.c finds them
** Stands on OpenSSL's SSL_CTX; tls.h says what a user of a context may do.
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
  char *hostname; /* instead of the URL's; NULL: the URL's */
  char *pin;      /* as in the options */
  FILE *keylog;
  SSL_SESSION *session; /* the newest a client got, and from whom */
  char *session_host;
  long count;          /* of owners */
  bool server, verify; /* the other end's certificate */
};

/* The session to resume with this host, or NULL. It is the caller's. */
SSL_SESSION *wsm_tls_context_session (struct wsm_tls_context *c,
                                      const char *host);

#endif
