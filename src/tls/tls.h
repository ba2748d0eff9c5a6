/*
** tls.h - TLS as a filter between two buffers, both roles
** Stands on OpenSSL (libssl) with BIOs of our own over memory. Ciphertext goes
** in, plaintext comes out, and the other way round.
** Never touches a socket; never blocks.
*/
#ifndef WSM_TLS_H
#define WSM_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/buffer.h"
#include "base/error.h"

/* All text is terminated and may be NULL. */
struct wsm_tls_options {
  const char *ca;           /* PEM text, or the path of a file or of a folder
                              (named by `openssl rehash`); default: the
                              system's */
  const char *cert, *key;   /* PEM text, or the path of a file */
  const char *hostname;     /* to verify and to send; default: the URL's host */
  const char *pin;          /* keys a peer may have, as pinned_key.h; valid */
  bool unverified;          /* verify = false */
  bool require_client_cert; /* a server: a client certificate must come (and
                              verify against ca) */
  bool tls13;               /* min = "1.3"; else 1.2 */
  const char *keylog;       /* a file that gets NSS key log lines */
};

/* Certificates and rules, shared by many connections; counted. */
struct wsm_tls_context;
struct wsm_tls_context *wsm_tls_context_new (const struct wsm_tls_options *o,
                                             bool server, struct wsm_error *e);
struct wsm_tls_context *wsm_tls_context_retain (struct wsm_tls_context *c);
void wsm_tls_context_release (struct wsm_tls_context *c);

struct wsm_tls;

/* One connection. host: a client's name or numeric address (SNI for names
** only, RFC 6066 3); NULL for a server. NULL without memory. */
struct wsm_tls *wsm_tls_new (struct wsm_tls_context *c, const char *host,
                             struct wsm_pool *pool, struct wsm_error *e);
void wsm_tls_free (struct wsm_tls *t);

enum wsm_tls_status {
  WSM_TLS_HANDSHAKE, /* not done yet */
  WSM_TLS_OPEN,
  WSM_TLS_ENDED, /* close_notify came */
  WSM_TLS_FAILED /* e says why: expired, self-signed, wrong name ... */
};

/* Starts a client's handshake: the first flight is in the output. */
enum wsm_tls_status wsm_tls_start (struct wsm_tls *t, struct wsm_error *e);

/* n bytes came from the socket; plaintext is appended to plain. All n are
** consumed. After WSM_TLS_FAILED the alert is in the output. */
enum wsm_tls_status wsm_tls_feed (struct wsm_tls *t, const void *bytes,
                                  size_t n, struct wsm_buffer *plain,
                                  struct wsm_error *e);

/* Encrypts n bytes into the output; only in WSM_TLS_OPEN. */
bool wsm_tls_seal (struct wsm_tls *t, const void *bytes, size_t n,
                   struct wsm_error *e);

/* Queues close_notify. */
void wsm_tls_close (struct wsm_tls *t);

/* Ciphertext for the socket; the caller consumes it. */
struct wsm_buffer *wsm_tls_output (struct wsm_tls *t);

/* "TLSv1.3", the cipher's name; for stats. */
const char *wsm_tls_version (const struct wsm_tls *t);
const char *wsm_tls_cipher (const struct wsm_tls *t);
bool wsm_tls_resumed (const struct wsm_tls *t);

#endif
