#include "lua/json/lshape.h"

#include <stdint.h>
#include "lua/json/lencode.h"
#include "base/hidden.h"

static bool is_index (lua_Number n) {
  return n >= 1 && n < 4503599627370496.0 && (lua_Number)(int64_t)n == n;
}

void wsm_shape_count (lua_State *L, int i, struct wsm_shape *shape) {
  const int type = lua_type(L, i);
  if (type == LUA_TSTRING) {
    shape->names++;
  } else if (type == LUA_TNUMBER && is_index(lua_tonumber(L, i))) {
    const lua_Number n = lua_tonumber(L, i);
    shape->indices++;
    if (n > shape->highest) shape->highest = n;
  } else {
    shape->others++;
  }
}

enum wsm_shape_fault wsm_shape_fault (const struct wsm_shape *shape) {
  if (shape->others > 0) return WSM_SHAPE_OTHER;
  if (shape->names > 0 && shape->indices > 0) return WSM_SHAPE_MIXED;
  return shape->highest > shape->indices ? WSM_SHAPE_SPARSE : WSM_SHAPE_OK;
}

/* Is the metatable on top that upvalue? */
static bool is_upvalue (lua_State *L, int upvalue) {
  return lua_rawequal(L, -1, lua_upvalueindex(upvalue));
}

enum wsm_mark wsm_shape_mark (lua_State *L, int i) {
  enum wsm_mark mark = WSM_UNMARKED;
  if (!lua_getmetatable(L, i)) return mark;
  if (is_upvalue(L, WSM_JSON_ARRAY_MT)) mark = WSM_MARKED_ARRAY;
  if (is_upvalue(L, WSM_JSON_EMPTY_MT)) mark = WSM_MARKED_IF_EMPTY;
  lua_pushvalue(L, lua_upvalueindex(WSM_JSON_TYPE));
  lua_rawget(L, -2);
  if (is_upvalue(L, WSM_JSON_IS_ARRAY)) mark = WSM_MARKED_ARRAY;
  lua_pop(L, 2);
  return mark;
}
