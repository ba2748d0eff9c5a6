/*
** mask.h - masking (RFC 6455 5.3), eight bytes at a time
** Depends on nothing. Random keys are handed in, in blocks.
** Never reads a random source itself.
*/
#ifndef WSM_MASK_H
#define WSM_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WSM_KEY_SIZE 4
#define WSM_KEYS_SIZE 16384 /* a block of random bytes: 4,096 keys */

/* Random bytes to be used as keys; left: how many of them. */
struct wsm_keys {
  size_t left;
  unsigned char block[WSM_KEYS_SIZE];
};

/* The next key, or NULL when the block is used up (refill it, set left). */
const unsigned char *wsm_keys_next (struct wsm_keys *keys);

/* Masks n bytes in place; offset (0 to 3) is the index into key of the first.
** Returns that of the byte that follows. */
unsigned wsm_mask (unsigned char *bytes, size_t n, const unsigned char *key,
                   unsigned offset);

/* Copies n bytes from `from` to `to`, masked from offset 0. No overlap. */
void wsm_mask_copy (unsigned char *to, const unsigned char *from, size_t n,
                    const unsigned char *key);

#endif
