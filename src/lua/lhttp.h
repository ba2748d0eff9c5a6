/*
** lhttp.h - the HTTP request, or response, of a connection; entity tags
** Depends on lua.h through compat.h.
*/
#ifndef WSM_LHTTP_H
#define WSM_LHTTP_H

#include "lua/compat.h"

int wsm_lua_request (lua_State *L);  /* core.link.request: of a server */
int wsm_lua_response (lua_State *L); /* core.link.response: of a client */

/* Fields etag and etagmatches of the table on the top. */
void wsm_set_etags (lua_State *L);

#endif
