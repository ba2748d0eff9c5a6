/*
** lloop.h - the userdata "wsmanager.loop"
** Depends on loop.h.
*/
#ifndef WSM_LLOOP_H
#define WSM_LLOOP_H

#include "lua/compat.h"
#include "io/loop.h"

/* The open loop at i; raises for anything else. */
struct wsm_loop *wsm_check_loop (lua_State *L, int i);

void wsm_push_loop (lua_State *L); /* core.loop */

#endif
