/*
** lstats.h - ws:stats(): the counters of a connection
** Depends on lbox.h.
*/
#ifndef WSM_LSTATS_H
#define WSM_LSTATS_H

#include "lua/lbox.h"

#define WSM_PEER_SIZE 80 /* of the text that wsm_link_peer writes here */

int wsm_lua_stats (lua_State *L); /* core.link.stats */

#endif
