/*
** lserver.h - the userdata "wsmanager.server"
** Depends on lua.h through compat.h.
*/
#ifndef WSM_LSERVER_H
#define WSM_LSERVER_H

#include "lua/compat.h"

struct wsm_server;

/* The server at i, not closed; raises for anything else. */
struct wsm_server *wsm_check_server (lua_State *L, int i);

void wsm_push_server (lua_State *L);   /* core.server */
void wsm_set_inherited (lua_State *L); /* core.inherited, core.listens */

#endif
