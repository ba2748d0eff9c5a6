/*
** lloop.h - the userdata "wsmanager.loop"
** Depends on loop.h.
*/
#ifndef WSM_LLOOP_H
#define WSM_LLOOP_H

#include "lua/compat.h"
#include "io/loop.h"

/* The open loop at i; raises for anything else, and for the loop of a process that
** this one was forked from. */
struct wsm_loop *wsm_check_loop (lua_State *L, int i);

/* Raises what says so. */
int wsm_fail_forked (lua_State *L);

/* The key in the registry of the struct wsm_test_clock of this Lua state. */
#define WSM_CLOCK "wsmanager.clock"

void wsm_push_loop (lua_State *L); /* core.loop */

#endif
