/*
** bio.h - the two ends of a TLS connection as OpenSSL sees them
** Stands on OpenSSL's BIO and buffer.h. What it reads is the caller's own span,
** what it writes goes straight to the output buffer.
** Never keeps a byte of the span: OpenSSL takes all of it or the rest is lost.
*/
#ifndef WSM_BIO_H
#define WSM_BIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/bio.h>
#include "base/buffer.h"

#define WSM_BIO_FIRST 11 /* bytes: the heads and the version of a hello */

/* Zero it, but for out.pool, to start. */
struct wsm_bio {
  const unsigned char *in;
  size_t left;
  struct wsm_buffer out;
  bool starved; /* a write found no memory: bytes are missing */
  uint8_t first_length;
  unsigned char first[WSM_BIO_FIRST]; /* that ever came from the peer */
};

/* What wsm_bio_new needs; shared, and freed after the last BIO. NULL without
** memory. */
BIO_METHOD *wsm_bio_method (void);

/* Borrows w for its life. NULL without memory. */
BIO *wsm_bio_new (BIO_METHOD *method, struct wsm_bio *w);

/* The next reads find these bytes. */
void wsm_bio_feed (struct wsm_bio *w, const unsigned char *bytes, size_t n);

#endif
