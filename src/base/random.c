#include "base/random.h"
#include "base/hidden.h"

#define TWO_TO_53 9007199254740992.0

double wsm_random_next (uint64_t *seed) {
  uint64_t z = *seed += UINT64_C(0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
  z ^= z >> 31;
  return (double)(z >> 11) / TWO_TO_53;
}
