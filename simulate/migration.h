/*
** migration.h - another connection takes the place of a client's, without a gap
** Depends on application.h and driver.h. A twin of the client connects and logs in;
** when it is open they exchange their connections, and the twin has the one before
** until its end, as ws:migrate has it.
** Never sends or takes a message itself.
*/
#ifndef SIMULATE_MIGRATION_H
#define SIMULATE_MIGRATION_H

#include "world.h"

/* Begins, where none is under way. */
void migration_start (struct client *c);

/* Before the client's events, and after it took messages: the one before may have
** some yet. true: it had. */
void migration_check (struct client *c);
bool migration_forward (struct client *c);

/* What carries the connection before, which is about to end; NULL: none does. */
struct tcp *migration_leaving (const struct client *c);

/* Whose messages come first: the lesser one's. */
uint64_t migration_place (const struct client *c, uint64_t connection);

void migration_free (struct client *c);

#endif
