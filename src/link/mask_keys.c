#include "link/mask_keys.h"

#include <openssl/rand.h>
#include "websocket/mask.h"
#include "base/hidden.h"

void wsm_mask_keys_refill (struct wsm_keys *keys, size_t count) {
  if (count > sizeof keys->block / WSM_KEY_SIZE)
    count = sizeof keys->block / WSM_KEY_SIZE;
  if (keys->left < count * WSM_KEY_SIZE &&
      RAND_bytes(keys->block, sizeof keys->block) == 1)
    keys->left = sizeof keys->block;
}

bool wsm_mask_keys_draw (unsigned char *to, size_t n) {
  return RAND_bytes(to, (int)n) == 1;
}

uint64_t wsm_mask_keys_draw_seed (void) {
  uint64_t seed = 1;
  if (RAND_bytes((unsigned char *)&seed, sizeof seed) != 1) seed = 1;
  return seed;
}
