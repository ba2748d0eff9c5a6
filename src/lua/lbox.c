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

/* Borrowed until the manager changes. */
static struct wsm_span text_of (const struct wsm_box *box,
                                enum wsm_box_text which) {
  struct wsm_span text = { "", 0 };
  struct wsm_link *link = wsm_box_link(box);
  const struct wsm_manager *m = link ? wsm_link_manager(link) : NULL;
  if (!m) return text;
  switch (which) {
    case WSM_BOX_PROTOCOL:
      return m->agreed.protocol;
    case WSM_BOX_EXTENSIONS:
      return m->agreed.extensions;
    case WSM_BOX_HEAD:
      text.text = (const char *)wsm_buffer_bytes(&m->head_text);
      text.length = wsm_buffer_length(&m->head_text);
      break;
  }
  return text;
}

/* Without an allocation between looking at the text and copying it. */
void wsm_push_text_of (lua_State *L, const struct wsm_box *box,
                       enum wsm_box_text which) {
  struct wsm_span text = text_of(box, which);
  char *copy;
  size_t n;
  if (!WSM_PUSHLSTRING_MAY_GC || text.length == 0) {
    lua_pushlstring(L, text.length ? text.text : "", text.length);
    return;
  }
  do {
    n = text.length;
    copy = lua_newuserdata(L, n + 1);
    text = text_of(box, which);
  } while (text.length > n);
  if (text.length) memcpy(copy, text.text, text.length);
  lua_pushlstring(L, copy, text.length);
}
