#include "lua/lfail.h"
#include "base/hidden.h"

int wsm_fail (lua_State *L, const struct wsm_error *e) {
  lua_pushnil(L);
  lua_pushstring(L, wsm_token_name(e->token));
  lua_pushstring(L, e->detail);
  return 3;
}

int wsm_fail_final (lua_State *L, const struct wsm_error *e) {
  const int n = wsm_fail(L, e);
  lua_pushboolean(L, e->final);
  return n + 1;
}

int wsm_misuse (lua_State *L, int level, const char *what) {
  luaL_where(L, level);
  lua_pushstring(L, what);
  lua_concat(L, 2);
  return lua_error(L);
}
