/*
** lconnect.h - makes clients: policy, proxy, TLS, target
** Depends on lbox.h.
*/
#ifndef WSM_LCONNECT_H
#define WSM_LCONNECT_H

#include "lua/lbox.h"

int wsm_lua_connection (lua_State *L); /* core.connection */
int wsm_lua_target (lua_State *L);     /* core.link.target */

/* Frees the texts and the policy that the box owns. */
void wsm_box_clear (struct wsm_box *box);

#endif
