/*
** faults.h - what goes wrong in a simulated world, at random
** Depends on world.h and whatever can fail.
*/
#ifndef SIMULATE_FAULTS_H
#define SIMULATE_FAULTS_H

#include "world.h"

/* Faults come from now on, until quiet_ms. */
void faults_start (struct world *w);

#endif
