#include "wsmanager.h"

#include <lauxlib.h>
#include "wsmanager_lua.h" /* text: wsmanager.lua */

static void preload_core (lua_State *L) {
  lua_getglobal(L, "package");
  if (!lua_istable(L, -1))
    luaL_error(L, "wsmanager needs 'package': call luaL_openlibs first");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_wsmanager_core);
  lua_setfield(L, -2, "wsmanager.core");
  lua_pop(L, 2);
}

int luaopen_wsmanager (lua_State *L) {
  const char *chars = (const char *)text;
  preload_core(L);
  if (luaL_loadbuffer(L, chars, sizeof text, "=wsmanager.lua") != 0)
    return lua_error(L);
  lua_pushliteral(L, "wsmanager");
  lua_call(L, 1, 1);
  return 1;
}
