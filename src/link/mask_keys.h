/*
** mask_keys.h - random numbers for connections: mask keys, and seeds
** Depends on OpenSSL's random numbers and on mask.h. Keys are drawn in blocks:
** one call of OpenSSL's for thousands of frames.
** Never gives a key twice.
*/
#ifndef WSM_MASK_KEYS_H
#define WSM_MASK_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wsm_keys;

/* Refills the block if fewer than `count` keys, or than a block has, are left.
** Without random numbers it stays as it was. */
void wsm_mask_keys_refill (struct wsm_keys *keys, size_t count);

/* n bytes that nobody guesses; false: there are no random numbers. */
bool wsm_mask_keys_draw (unsigned char *to, size_t n);

/* A seed for what need not be secret; 1 without random numbers. */
uint64_t wsm_mask_keys_draw_seed (void);

#endif
