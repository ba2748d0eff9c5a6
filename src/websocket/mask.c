#include "websocket/mask.h"

#include <string.h>
#include "base/hidden.h"

const unsigned char *wsm_keys_next (struct wsm_keys *keys) {
  if (keys->left < WSM_KEY_SIZE) return NULL;
  keys->left -= WSM_KEY_SIZE;
  return keys->block + keys->left;
}

/* The key repeated to eight bytes. */
static inline uint64_t repeat_key (const unsigned char *key) {
  uint32_t half;
  memcpy(&half, key, sizeof half);
  return (uint64_t)half << 32 | half;
}

/* The same, beginning with key[offset]. */
static uint64_t rotate_key (const unsigned char *key, unsigned offset) {
  unsigned char rotated[WSM_KEY_SIZE];
  size_t i;
  for (i = 0; i < sizeof rotated; i++) rotated[i] = key[(offset + i) & 3];
  return repeat_key(rotated);
}

/* The bytes from 8 * i on, masked. */
static inline uint64_t masked (const unsigned char *from, size_t i,
                               uint64_t word) {
  uint64_t w;
  memcpy(&w, from + 8 * i, sizeof w);
  return w ^ word;
}

static inline void store (unsigned char *to, size_t i, uint64_t w) {
  memcpy(to + 8 * i, &w, sizeof w);
}

/* Four words at once, all read before one is written: the compiler may then
** take two in a register. */
static inline void mask_32 (unsigned char *to, const unsigned char *from,
                            uint64_t word) {
  const uint64_t a = masked(from, 0, word), b = masked(from, 1, word);
  const uint64_t c = masked(from, 2, word), d = masked(from, 3, word);
  store(to, 0, a);
  store(to, 1, b);
  store(to, 2, c);
  store(to, 3, d);
}

/* to and from are the same, or do not overlap. */
static inline void mask_all (unsigned char *to, const unsigned char *from,
                             size_t n, uint64_t word) {
  unsigned char tail[sizeof word];
  size_t i;
  for (; n >= 32; n -= 32, to += 32, from += 32) mask_32(to, from, word);
  for (; n >= 8; n -= 8, to += 8, from += 8)
    store(to, 0, masked(from, 0, word));
  memcpy(tail, &word, sizeof tail);
  for (i = 0; i < n; i++) to[i] = from[i] ^ tail[i];
}

unsigned wsm_mask (unsigned char *bytes, size_t n, const unsigned char *key,
                   unsigned offset) {
  mask_all(bytes, bytes, n, offset ? rotate_key(key, offset) : repeat_key(key));
  return (unsigned)((offset + n) & 3);
}

void wsm_mask_copy (unsigned char *to, const unsigned char *from, size_t n,
                    const unsigned char *key) {
  mask_all(to, from, n, repeat_key(key));
}
