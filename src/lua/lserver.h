/*
** lserver.h - the userdata "wsmanager.server"
** Depends on lua.h through compat.h.
*/
#ifndef WSM_LSERVER_H
#define WSM_LSERVER_H

#include "lua/compat.h"

void wsm_push_server (lua_State *L); /* core.server */

#endif
