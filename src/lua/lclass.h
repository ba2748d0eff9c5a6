/*
** lclass.h - the types of userdata of this module
** Depends on lua.h through compat.h.
** Never calls Lua, keeps a lua_State or yields.
*/
#ifndef WSM_LCLASS_H
#define WSM_LCLASS_H

#include "lua/compat.h"

struct wsm_class {
  const char *name;        /* of the metatable, in the registry */
  const luaL_Reg *methods; /* NULL: none */
  lua_CFunction gc;        /* also __close; NULL: none */
  lua_CFunction construct;
};

/* Registers the metatable, which getmetatable does not show, and pushes
** construct. */
void wsm_push_class (lua_State *L, const struct wsm_class *c);

/* The userdata at i if it has that size and begins with that mark, an address
** of this module that no other userdata can hold; else NULL. For the path of
** each message: looking up a metatable by its name costs ten times as much. */
static inline void *wsm_marked (lua_State *L, int i, const void *mark,
                                size_t size) {
  const void **u = lua_touserdata(L, i);
  return u && lua_rawlen(L, i) == size && *u == mark ? u : NULL;
}

#endif
