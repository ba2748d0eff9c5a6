/*
** tls.h - one TLS connection, client or server, from buffer to buffer
** Depends on OpenSSL's libssl. Ciphertext goes in and plaintext comes out, and the
** other way round.
** Never touches a socket; never blocks.
*/
#ifndef WSM_TLS_H
#define WSM_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/buffer.h"
#include "base/error.h"

/* Strings may be NULL. */
struct wsm_tls_options {
  const char *ca;           /* PEM text, or the path of a file or of a folder
                              (named by `openssl rehash`); default: the
                              system's */
  const char *cert, *key;   /* PEM text, or the path of a file */
  const char *hostname;     /* to verify and for SNI; default: the URL's host */
  const char *pin;          /* pinned keys, valid; see pinned_key.h */
  bool unverified;          /* verify = false */
  bool require_client_cert; /* of a server: verified against ca */
  bool tls13;               /* min = "1.3"; else 1.2 */
  const char *keylog;       /* a file that gets NSS key log lines */
};

/* Certificates and options of many connections; reference-counted. */
struct wsm_tls_context;
struct wsm_tls_context *wsm_tls_context_new (const struct wsm_tls_options *o,
                                             bool server, struct wsm_error *e);
struct wsm_tls_context *wsm_tls_context_retain (struct wsm_tls_context *c);
void wsm_tls_context_release (struct wsm_tls_context *c);

/* Retains c in *at, and releases what was there; either may be NULL. */
void wsm_tls_context_replace (struct wsm_tls_context **at,
                              struct wsm_tls_context *c);

struct wsm_tls;

struct wsm_tls_setup {
  const char *host; /* of a client: a name or a numeric address (without SNI:
                       RFC 6066 3); copied; NULL for a server */
  struct wsm_pool *pool; /* borrowed for its life; may be NULL */
  bool anonymous; /* the server sees no certificate of ours, and no session in
                      which one was shown is resumed */
  bool
    other_host; /* than that of the context's hostname, which is not for it */
};

/* c is retained. NULL: e says why. */
struct wsm_tls *wsm_tls_new (struct wsm_tls_context *c,
                             const struct wsm_tls_setup *setup,
                             struct wsm_error *e);
void wsm_tls_free (struct wsm_tls *t);

enum wsm_tls_status {
  WSM_TLS_HANDSHAKE,
  WSM_TLS_OPEN,
  WSM_TLS_ENDED, /* the peer sent close_notify */
  WSM_TLS_FAILED /* e says why: expired, self-signed, wrong name ... */
};

/* Starts a client's handshake: the first flight is in the output. */
enum wsm_tls_status wsm_tls_start (struct wsm_tls *t, struct wsm_error *e);

/* Decrypts n bytes of the peer; plaintext is appended to plain. All n are
** consumed. After WSM_TLS_FAILED the output holds the alert. */
enum wsm_tls_status wsm_tls_feed (struct wsm_tls *t, const void *bytes,
                                  size_t n, struct wsm_buffer *plain,
                                  struct wsm_error *e);

/* Encrypts n bytes into the output; only in WSM_TLS_OPEN. false: e says why. */
bool wsm_tls_seal (struct wsm_tls *t, const void *bytes, size_t n,
                   struct wsm_error *e);

/* Puts close_notify into the output. */
void wsm_tls_close (struct wsm_tls *t);

/* Ciphertext for the peer, t's own; the caller consumes it. */
struct wsm_buffer *wsm_tls_output (struct wsm_tls *t);

/* "TLSv1.3", the cipher's name; static texts. */
const char *wsm_tls_version (const struct wsm_tls *t);
const char *wsm_tls_cipher (const struct wsm_tls *t);
bool wsm_tls_resumed (const struct wsm_tls *t);

/* The i-th of the certificates that the peer has sent, from its own on, 0.
** false: there is none. */
struct wsm_certificate;
bool wsm_tls_certificate (const struct wsm_tls *t, int i,
                          struct wsm_certificate *c);

#endif
