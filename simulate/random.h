/*
** random.h - the random numbers of a simulated world
** Depends on nothing. The same seed gives the same numbers everywhere.
*/
#ifndef SIMULATE_RANDOM_H
#define SIMULATE_RANDOM_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

struct random {
  uint64_t state;
};

/* SplitMix64. */
static inline uint64_t random_next (struct random *r) {
  uint64_t z = r->state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

/* Another sequence, which the first one's later use does not change. */
static inline struct random random_split (struct random *r) {
  const struct random other = { random_next(r) };
  return other;
}

/* In [0, 1). */
static inline double random_fraction (struct random *r) {
  return (double)(random_next(r) >> 11) / 9007199254740992.0;
}

static inline uint64_t random_below (struct random *r, uint64_t limit) {
  return random_next(r) % limit;
}

static inline uint64_t random_between (struct random *r, uint64_t low,
                                       uint64_t high) {
  return low + random_below(r, high - low + 1);
}

static inline bool random_percent (struct random *r, unsigned percent) {
  return random_below(r, 100) < percent;
}

/* The time to the next of events that come at random, every mean_ms. */
static inline uint64_t random_wait (struct random *r, uint64_t mean_ms) {
  return 1 + (uint64_t)(-log(1 - random_fraction(r)) * (double)mean_ms);
}

#endif
