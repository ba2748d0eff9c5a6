/*
** fates.h - what became of each message that an application sent
** Depends on world.h. Its manager may give up those that expire, that wait for no
** connection, or that make room for newer ones; it must tell of each.
** Never forgets a message.
*/
#ifndef SIMULATE_FATES_H
#define SIMULATE_FATES_H

#include "world.h"

/* The terms of the next message. */
struct wsm_terms fates_terms (struct client *c);

/* It was accepted, on these terms. */
void fates_sent (struct client *c, const struct wsm_terms *terms);

/* The next message of this connection, without ids, behind all before p->next, which
** is advanced: what is between was given up. */
void fates_pass (struct client *c, struct passing *p, uint64_t number);

/* The server reads it, and may read it again. late: on a connection that the client
** has left. */
void fates_read (struct client *c, uint64_t number, bool late);

/* It came on a connection that was accepted then. */
void fates_check_expired (struct client *c, uint64_t number,
                          uint64_t accepted_ms);

/* The server will not read those from `first` to before `end`. */
void fates_skip (struct client *c, uint64_t first, uint64_t end);

/* WSM_EVENT_DROPPED is next. */
void fates_told (struct client *c);

/* Its events were popped: was everything told? */
void fates_check_told (struct client *c);

/* Is there a message in the outbox that expired long ago? */
void fates_check_outbox (struct client *c);

/* All is over: `next` messages went to the kernel or were given up. */
void fates_check_end (struct client *c, uint64_t next);

#endif
