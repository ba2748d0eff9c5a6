#include "base/number.h"
#include "lua/json/lencode.h"
#include "lua/json/lshape.h"
#include "base/hidden.h"

static bool is_plain (lua_State *L, int depth);

/* The digits that lua-cjson keeps: 14. */
static bool is_plain_number (lua_State *L, int i) {
  if (WSM_HAS_INTEGERS && lua_isinteger(L, i)) {
    const lua_Integer n = lua_tointeger(L, i);
    return n > -100000000000000 && n < 100000000000000;
  }
  return wsm_double_has_14_digits(lua_tonumber(L, i));
}

/* An object with names, or an array without holes; the table is on top, and more
** may be when it answers false. */
static bool is_plain_table (lua_State *L, int depth) {
  struct wsm_shape shape = { 0 };
  if (depth == WSM_JSON_DEPTH || !lua_checkstack(L, 8)) return false;
  if (wsm_shape_mark(L, -1) != WSM_UNMARKED) return false;
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    wsm_shape_count(L, -2, &shape);
    if (!is_plain(L, depth + 1)) return false;
    lua_pop(L, 1);
  }
  return wsm_shape_fault(&shape) == WSM_SHAPE_OK;
}

/* The value is on top; it stays there when it is plain. */
static bool is_plain (lua_State *L, int depth) {
  switch (lua_type(L, -1)) {
    case LUA_TSTRING:
    case LUA_TBOOLEAN:
      return true;
    case LUA_TNUMBER:
      return is_plain_number(L, -1);
    case LUA_TTABLE:
      return is_plain_table(L, depth);
    case LUA_TLIGHTUSERDATA:
      return lua_touserdata(L, -1) == NULL;
    default:
      return false;
  }
}

int wsm_json_plain (lua_State *L) {
  lua_settop(L, 1);
  lua_pushboolean(L, is_plain(L, 0));
  return 1;
}
