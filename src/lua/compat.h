/*
** compat.h - Lua 5.1 (and LuaJIT) to 5.5 under one set of names
** Depends on lua.h and lauxlib.h. No other file asks for LUA_VERSION_NUM.
*/
#ifndef WSM_COMPAT_H
#define WSM_COMPAT_H

#include <lua.h>
#include <lauxlib.h>

#if LUA_VERSION_NUM < 502
#define lua_rawlen lua_objlen
#define lua_getuservalue(L, i) lua_getfenv(L, i)
#define lua_setuservalue(L, i) lua_setfenv(L, i)
/* LuaJIT's lauxlib.h has these of 5.2. */
#ifndef luaL_newlibtable
#define luaL_newlibtable(L, l) lua_createtable(L, 0, sizeof(l) / sizeof *(l))
#define luaL_newlib(L, l) (luaL_newlibtable(L, l), luaL_setfuncs(L, l, 0))
#define luaL_setfuncs wsm_setfuncs
#define luaL_setmetatable wsm_setmetatable
#define luaL_testudata wsm_testudata
static inline void wsm_setfuncs (lua_State *L, const luaL_Reg *l, int n) {
  for (; l->name; l++) {
    int i;
    for (i = 0; i < n; i++) lua_pushvalue(L, -n);
    lua_pushcclosure(L, l->func, n);
    lua_setfield(L, -(n + 2), l->name);
  }
  lua_pop(L, n);
}
static inline void wsm_setmetatable (lua_State *L, const char *name) {
  luaL_getmetatable(L, name);
  lua_setmetatable(L, -2);
}
static inline void *wsm_testudata (lua_State *L, int i, const char *name) {
  void *u = lua_touserdata(L, i);
  if (!u || !lua_getmetatable(L, i)) return NULL;
  luaL_getmetatable(L, name);
  if (!lua_rawequal(L, -1, -2)) u = NULL;
  lua_pop(L, 2);
  return u;
}
#endif

static inline int lua_absindex (lua_State *L, int i) {
  return i > 0 || i <= LUA_REGISTRYINDEX ? i : lua_gettop(L) + i + 1;
}
#endif

#if LUA_VERSION_NUM < 503
#define lua_isinteger(L, i) \
  (lua_type(L, i) == LUA_TNUMBER && \
   lua_tonumber(L, i) == (lua_Number)(lua_Integer)lua_tonumber(L, i))
#endif

/* Does lua_pushlstring collect garbage before it copies? Then a finalizer could
** free the bytes. Lua does until 5.3.2. */
#if LUA_VERSION_NUM == 503
#define WSM_PUSHLSTRING_MAY_GC (LUA_VERSION_RELEASE[0] < '3')
#else
#define WSM_PUSHLSTRING_MAY_GC (LUA_VERSION_NUM < 503)
#endif

/* Is an integer another kind of number than a float? */
#define WSM_HAS_INTEGERS (LUA_VERSION_NUM >= 503)

/* May this Lua be LuaJIT, which compiles? */
#define WSM_MAYBE_LUAJIT (LUA_VERSION_NUM == 501)

/* Can a C function call a Lua function that yields (lua_callk)? */
#define WSM_HAS_CALLK (LUA_VERSION_NUM >= 503)

#if LUA_VERSION_NUM >= 504
#define wsm_newuserdata(L, size) lua_newuserdatauv(L, size, 1)
#else
#define wsm_newuserdata(L, size) lua_newuserdata(L, size)
#endif

#endif
