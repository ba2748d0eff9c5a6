/*
** crowd.h - many clients of one server that restarts: do they come back spread?
** Depends on world.h.
*/
#ifndef SIMULATE_CROWD_H
#define SIMULATE_CROWD_H

#include <stdbool.h>
#include <stdint.h>

/* So many clients with the default options lose their server at once. Prints when
** they try again. false: not as the jitter says. */
bool crowd_run (uint64_t seed, unsigned clients);

#endif
