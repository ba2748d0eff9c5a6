/*
** random.h - pseudo-random numbers from a seed (splitmix64)
** Depends on nothing. For jitter: the same seed gives the same numbers.
** Never for keys or anything else that a peer must not guess.
*/
#ifndef WSM_RANDOM_H
#define WSM_RANDOM_H

#include <stdint.h>

/* The next number in [0, 1); changes the seed. */
double wsm_random_next (uint64_t *seed);

#endif
