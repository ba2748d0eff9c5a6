/*
** lstats.h - ws:stats(): the counters of a connection
** Depends on lbox.h.
*/
#ifndef WSM_LSTATS_H
#define WSM_LSTATS_H

#include "lua/lbox.h"

/* Sets `address`, the peer's, of the table on top. */
void wsm_set_peer (lua_State *L, struct wsm_link *link);

int wsm_lua_stats (lua_State *L); /* core.link.stats */

#endif
