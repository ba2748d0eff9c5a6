/*
** lparts.h - the pieces of wsmanager.protocol that are userdata
** Stands on lua.h through compat.h. Each pushes the function that makes one.
** Nothing here calls Lua, keeps a lua_State or yields.
*/
#ifndef WSM_LPARTS_H
#define WSM_LPARTS_H

#include "lua/compat.h"

void wsm_push_session (lua_State *L); /* lsession.c: session{...} */
void wsm_push_deflate (lua_State *L); /* ldeflate.c: deflate{...} and the
                                            negotiation; sets fields of the
                                            table on top */
void wsm_push_buffer (lua_State *L);  /* lcommon.c: buffer(), for specs */
void wsm_push_heap (lua_State *L);    /* lcommon.c: heap(n), for specs */

struct wsm_class {
  const char *name;
  const luaL_Reg *methods;
  lua_CFunction gc, construct; /* gc may be NULL */
};

/* Registers the metatable and pushes the function that constructs. */
void wsm_push_class (lua_State *L, const struct wsm_class *c);

#endif
