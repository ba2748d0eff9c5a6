/*
** levent.h - the events of a connection
** Depends on manager.h.
*/
#ifndef WSM_LEVENT_H
#define WSM_LEVENT_H

#include "lua/compat.h"
#include "manager/manager.h"

/* Pushes the name and the values of the oldest event, which stays. Returns how
** many; 0: there is none. */
int wsm_push_event (lua_State *L, const struct wsm_manager *m);

int wsm_lua_event (lua_State *L); /* core.link.event */

/* link.ending(ws) -> table: how the last connection, or attempt at one, ended. */
int wsm_lua_ending (lua_State *L);

int wsm_lua_why (lua_State *L); /* core.link.why: why it is as it is */

#endif
