#include "lua/protocol/spec_manager.h"
#include "base/hidden.h"

struct wsm_manager_box *wsm_check_manager_box (lua_State *L) {
  struct wsm_manager_box *box = luaL_checkudata(L, 1, WSM_MANAGER_CLASS);
  if (!box->live) luaL_error(L, "the manager is freed");
  if (!box->fixed_keys) box->keys.left = WSM_KEYS_SIZE;
  return box;
}

int wsm_push_sent (lua_State *L, enum wsm_sent sent) {
  static const char *const names[] = {
    [WSM_SENT] = "sent",
    [WSM_SENT_LATER] = "later",
    [WSM_SEND_FULL] = "full",
    [WSM_SEND_CLOSED] = "closed",
  };
  lua_pushstring(L, names[sent]);
  return 1;
}

int wsm_push_input (lua_State *L, enum wsm_input input,
                    const struct wsm_message *message) {
  if (input == WSM_MESSAGE) {
    lua_pushlstring(L, (const char *)message->data, message->length);
    lua_pushstring(L, message->binary ? "binary" : "text");
    return 2;
  }
  if (input == WSM_MORE) lua_pushnil(L);
  else lua_pushboolean(L, 0);
  return 1;
}
