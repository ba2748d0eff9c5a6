/*
** ltls.h - the userdata "wsmanager.tls": certificates and rules
** Depends on tls.h.
*/
#ifndef WSM_LTLS_H
#define WSM_LTLS_H

#include "lua/compat.h"
#include "tls/tls.h"

/* The context of the userdata at i, which keeps it; raises for anything
** else. */
struct wsm_tls_context *wsm_check_tls (lua_State *L, int i);

/* The context of a client that names none, made once for a Lua state. NULL: e
** says why. */
struct wsm_tls_context *wsm_default_tls (lua_State *L, struct wsm_error *e);

void wsm_push_tls (lua_State *L); /* core.tls */

#endif
