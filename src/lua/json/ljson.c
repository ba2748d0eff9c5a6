#include "lua/json/ljson.h"

#include "lua/json/ldecode.h"
#include "lua/json/lencode.h"
#include "base/hidden.h"

static const luaL_Reg functions[] = { { "plain", wsm_json_plain },
                                      { "encode", wsm_json_encode },
                                      { "decode", wsm_json_decode },
                                      { "longer", wsm_json_longer },
                                      { NULL, NULL } };

/* json(array_mt, empty_array_mt, empty_array) -> table of functions */
static int json (lua_State *L) {
  lua_settop(L, 3);
  lua_newtable(L);
  lua_pushliteral(L, "__jsontype");
  lua_pushliteral(L, "array");
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, 3);
  luaL_setfuncs(L, functions, WSM_JSON_EMPTY_ARRAY);
  return 1;
}

void wsm_set_json (lua_State *L) {
  lua_pushcfunction(L, json);
  lua_setfield(L, -2, "json");
}
