/*
** multi.h - the requests of a Lua state, and the connections that are kept
** Depends on libcurl's multi interface, transfer.h, and a loop through guest.h. It
** is on the loop only while a request is under way or a socket is watched, so that
** a process that forks in between goes on in both.
** Never waits, never blocks.
*/
#ifndef WSM_MULTI_H
#define WSM_MULTI_H

#include "base/error.h"
#include "fetch/transfer.h"
#include "io/guest.h"

#define WSM_MULTI_CONNECTIONS 64      /* at once; more requests wait */
#define WSM_MULTI_HOST_CONNECTIONS 16 /* of them with one host */
#define WSM_MULTI_KEPT 16             /* idle ones that are kept */

struct wsm_multi;

/* NULL: e says why. */
struct wsm_multi *wsm_multi_new (const struct wsm_guest_table *table,
                                 struct wsm_error *e);

/* Its requests have failed with `closed`, its connections are closed. */
void wsm_multi_free (struct wsm_multi *m);

/* Starts it on the loop. false: e says why. */
bool wsm_multi_start (struct wsm_multi *m, struct wsm_loop *loop,
                      struct wsm_transfer *t, struct wsm_error *e);

/* Gives up a transfer that is under way; does nothing for another. */
void wsm_multi_remove (struct wsm_transfer *t);

/* Takes a transfer that has finished; NULL: there is none. */
struct wsm_transfer *wsm_multi_next (struct wsm_multi *m);

/* Leaves the loop if nothing is under way. Not inside a turn. */
void wsm_multi_rest (struct wsm_multi *m);

/* The id of its handle on the loop, which is ready when one has finished; 0: it is
** on none. */
int64_t wsm_multi_id (const struct wsm_multi *m);

#endif
