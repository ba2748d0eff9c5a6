/*
** migrate.h - a link that takes the place of another of the same owner
** Depends on link.h and driver.h. migration.h says what the manager takes over.
** Never ends the one before: its owner closes it, and says when it has ended.
*/
#ifndef WSM_MIGRATE_H
#define WSM_MIGRATE_H

#include "link/link.h"

/* Another client with the TLS and the proxy of l; the text of that is borrowed as in
** wsm_link_proxy. */
struct wsm_link *wsm_link_twin (struct wsm_link *l,
                                const struct wsm_policy *policy,
                                const char *proxy, struct wsm_error *e);

/* l, which is open, takes the place of `before` on their loop: they exchange their
** ids. false without memory: nothing happened. */
bool wsm_link_migrate (struct wsm_link *l, struct wsm_link *before);

/* Moves what the one before has received to l, as far as the inbox has room; so does
** whoever takes the last message. */
void wsm_link_forward (struct wsm_link *l);

/* `before` has ended. Returns how many messages were lost, without memory or room. */
size_t wsm_link_end_migration (struct wsm_link *l, struct wsm_link *before);

#endif
