/*
** lconnect.h - makes clients: policy, proxy, TLS, target
** Depends on lbox.h.
*/
#ifndef WSM_LCONNECT_H
#define WSM_LCONNECT_H

#include "lua/lbox.h"

int wsm_lua_connection (lua_State *L); /* core.connection */

/* core.link.unfix: from now on each attempt asks for its target. Returns the texts of
** the one that there was: url, protocols, headers, optional; nothing if there was
** none. */
int wsm_lua_unfix (lua_State *L);

/* core.link.target, lock, fail and verdict: what the owner says about attempt
** `ask`. Ignored if that is not the one under way. */
int wsm_lua_target (lua_State *L);
int wsm_lua_lock (lua_State *L);
int wsm_lua_fail_target (lua_State *L);
int wsm_lua_verdict (lua_State *L);

/* core.link.twin, migrate, forward and endmigration: another connection takes the
** place of ws. */
int wsm_lua_twin (lua_State *L);
int wsm_lua_migrate (lua_State *L);
int wsm_lua_forward (lua_State *L);
int wsm_lua_renew_later (lua_State *L);
int wsm_lua_end_migration (lua_State *L);

/* Frees the texts and the policy that the box owns. */
void wsm_box_clear (struct wsm_box *box);

#endif
