#include "protocol/mask.h"

#include <string.h>

const unsigned char *wsm_keys_next (struct wsm_keys *keys) {
  if (keys->left < WSM_KEY_SIZE) return NULL;
  keys->left -= WSM_KEY_SIZE;
  return keys->block + keys->left;
}

/* The key as it lies over eight bytes. */
static inline uint64_t twice (const unsigned char *key) {
  uint32_t half;
  memcpy(&half, key, sizeof half);
  return (uint64_t)half << 32 | half;
}

/* The same, the first of the bytes in that phase. */
static uint64_t turned (const unsigned char *key, unsigned phase) {
  unsigned char at_phase[WSM_KEY_SIZE];
  size_t i;
  for (i = 0; i < sizeof at_phase; i++) at_phase[i] = key[(phase + i) & 3];
  return twice(at_phase);
}

/* Four words at once: their exclusive-ors need not wait for each other. */
static inline void mask_32 (unsigned char *to, const unsigned char *from,
                            uint64_t word) {
  uint64_t w[4];
  memcpy(w, from, sizeof w);
  w[0] ^= word;
  w[1] ^= word;
  w[2] ^= word;
  w[3] ^= word;
  memcpy(to, w, sizeof w);
}

/* to and from are the same, or do not overlap. */
static inline void mask_all (unsigned char *to, const unsigned char *from,
                             size_t n, uint64_t word) {
  unsigned char tail[sizeof word];
  uint64_t w;
  size_t i;
  for (; n >= 32; n -= 32, to += 32, from += 32) mask_32(to, from, word);
  for (; n >= 8; n -= 8, to += 8, from += 8) {
    memcpy(&w, from, sizeof w);
    w ^= word;
    memcpy(to, &w, sizeof w);
  }
  memcpy(tail, &word, sizeof tail);
  for (i = 0; i < n; i++) to[i] = from[i] ^ tail[i];
}

unsigned wsm_mask (unsigned char *bytes, size_t n, const unsigned char *key,
                   unsigned phase) {
  mask_all(bytes, bytes, n, phase ? turned(key, phase) : twice(key));
  return (unsigned)((phase + n) & 3);
}

void wsm_mask_copy (unsigned char *to, const unsigned char *from, size_t n,
                    const unsigned char *key) {
  mask_all(to, from, n, twice(key));
}
