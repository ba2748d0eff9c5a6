#include "lua/lclass.h"
#include "base/hidden.h"

void wsm_push_class (lua_State *L, const struct wsm_class *c) {
  luaL_newmetatable(L, c->name);
  lua_newtable(L);
  if (c->methods) luaL_setfuncs(L, c->methods, 0);
  lua_setfield(L, -2, "__index");
  if (c->gc) {
    lua_pushcfunction(L, c->gc);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, c->gc);
    lua_setfield(L, -2, "__close");
  }
  lua_pushstring(L, c->name);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
  lua_pushcfunction(L, c->construct);
}
