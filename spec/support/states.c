/*
** states.c - opens Lua states, runs a program in each, and closes them
** Depends on lua.h. Loaded by a spec.
*/
#include "lua/compat.h"
#include <lualib.h>

int luaopen_states (lua_State *L);

/* run(n, program): n states, one after another. */
static int run (lua_State *L) {
  const lua_Integer n = luaL_checkinteger(L, 1);
  const char *program = luaL_checkstring(L, 2);
  lua_Integer i;
  for (i = 0; i < n; i++) {
    lua_State *state = luaL_newstate();
    if (!state) return luaL_error(L, "not enough memory");
    luaL_openlibs(state);
    if (luaL_dostring(state, program)) {
      lua_pushstring(L, lua_tostring(state, -1));
      lua_close(state);
      return lua_error(L);
    }
    lua_close(state);
  }
  return 0;
}

__attribute__((visibility("default"))) int luaopen_states (lua_State *L) {
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, run);
  lua_setfield(L, -2, "run");
  return 1;
}
