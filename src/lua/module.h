/*
** module.h - the rooms of the binding
** Stands on lua.h through compat.h. Each function below pushes one table or
** function for `wsmanager.core`; core.lua beside this file says what is in it.
** Nothing here keeps a lua_State or yields; nothing calls Lua but the end of
** receive and send (lmessage.c), where that may yield.
*/
#ifndef WSM_MODULE_H
#define WSM_MODULE_H

#include "lua/compat.h"
#include "base/error.h"

void wsm_push_protocol (lua_State *L);  /* lprotocol.c: frame, mask, utf8,
                                             session */
void wsm_push_handshake (lua_State *L); /* lhandshake.c: url, head, ask,
                                             judge, accept ... */
void wsm_push_managers (lua_State *L);  /* lmanager.c: the manager alone, on a
                                             clock that is handed in */
void wsm_push_proxy (lua_State *L);  /* lproxy.c: proxies, redirects, dates */
void wsm_push_loop (lua_State *L);   /* lloop.c */
void wsm_push_link (lua_State *L);   /* llink.c */
void wsm_push_server (lua_State *L); /* lserver.c */
void wsm_push_tls (lua_State *L);    /* ltls.c */

/* The userdata at i if it is of that size and begins with that mark, an address
** of ours that nobody else's can hold; else NULL. For the path of each message:
** looking up a metatable by its name costs ten times as much. */
static inline void *wsm_marked (lua_State *L, int i, const void *mark,
                                size_t size) {
  const void **u = lua_touserdata(L, i);
  return u && lua_rawlen(L, i) == size && *u == mark ? u : NULL;
}

/* nil, token, detail: returns 3. */
int wsm_fail (lua_State *L, const struct wsm_error *e);

#endif
