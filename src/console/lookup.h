/*
** lookup.h - the addresses of a name, without a connection
** Depends on guest.h for its handle, and on resolve.h.
** Never connects.
*/
#ifndef WSM_LOOKUP_H
#define WSM_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"

struct wsm_loop;
struct wsm_lookup;

/* NULL: e says why. A numeric address and a name of /etc/hosts are ready at once. */
struct wsm_lookup *wsm_lookup_start (struct wsm_loop *loop, const char *host,
                                     struct wsm_error *e);
void wsm_lookup_free (struct wsm_lookup *l);

/* Of the handle on the loop, which becomes ready when it is done. */
int64_t wsm_lookup_id (const struct wsm_lookup *l);
bool wsm_lookup_is_done (const struct wsm_lookup *l);

/* Once it is done: how many addresses there are, in the order in which they are
** tried. 0: e says why. */
size_t wsm_lookup_count (const struct wsm_lookup *l, struct wsm_error *e);
void wsm_lookup_text (const struct wsm_lookup *l, size_t i, char *to, size_t n);

#endif
