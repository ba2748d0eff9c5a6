#include "lua/lbox.h"

#include <string.h>
#include "lua/lclass.h"
#include "base/hidden.h"

static const char mark; /* its address */

struct wsm_box *wsm_test_box (lua_State *L, int i) {
  return wsm_marked(L, i, &mark, sizeof(struct wsm_box));
}

struct wsm_box *wsm_check_any_box (lua_State *L, int i) {
  struct wsm_box *box = wsm_test_box(L, i);
  return box ? box : luaL_checkudata(L, i, WSM_CONNECTION); /* which raises */
}

struct wsm_box *wsm_check_box (lua_State *L, int i) {
  struct wsm_box *box = wsm_check_any_box(L, i);
  if (!wsm_box_link(box))
    luaL_error(L, "the connection was dropped, or its loop is closed");
  return box;
}

struct wsm_box *wsm_push_box (lua_State *L) {
  struct wsm_box *box = wsm_newuserdata(L, sizeof *box);
  memset(box, 0, sizeof *box);
  box->mark = &mark;
  luaL_setmetatable(L, WSM_CONNECTION);
  lua_newtable(L);
  lua_setuservalue(L, -2);
  return box;
}
