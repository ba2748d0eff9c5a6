/*
** options.h - the options that a client of a random world draws
** Depends on world.h.
** Never draws two that an owner would be refused.
*/
#ifndef SIMULATE_OPTIONS_H
#define SIMULATE_OPTIONS_H

#include "world.h"

void options_choose (struct client *c);

/* It counts by the policy's rates from now on. */
void options_set_windows (struct client *c);

void options_tell (const struct client *c);

/* A live server answers within half of what each of its clients waits. */
void options_choose_answer (struct world *w);

#endif
