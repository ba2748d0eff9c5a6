/*
** bio.h - a BIO over memory: OpenSSL reads a span and writes to a buffer
** Depends on OpenSSL's BIO and buffer.h.
** Never copies or keeps the span: what OpenSSL does not read of it is lost.
*/
#ifndef WSM_BIO_H
#define WSM_BIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/bio.h>
#include "base/buffer.h"

#define WSM_BIO_FIRST 11 /* bytes: as far as the version in a hello */

/* Zero it, but for out.pool, to start. */
struct wsm_bio {
  const unsigned char *in;
  size_t left;
  struct wsm_buffer out;
  bool out_of_memory; /* output is incomplete */
  uint8_t first_length;
  unsigned char first[WSM_BIO_FIRST]; /* bytes of the peer */
};

/* For wsm_bio_new; to be freed after its last BIO. NULL without memory. */
BIO_METHOD *wsm_bio_method (void);

/* bio is borrowed for its life. NULL without memory. */
BIO *wsm_bio_new (BIO_METHOD *method, struct wsm_bio *bio);

/* Sets what the next reads find. */
void wsm_bio_set_input (struct wsm_bio *bio, const unsigned char *bytes,
                        size_t n);

#endif
