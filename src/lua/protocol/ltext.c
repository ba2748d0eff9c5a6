#include "lua/protocol/ltext.h"

#include <string.h>
#include "base/hidden.h"

#define TEXT "wsmanager.text"

static int free_text (lua_State *L) {
  wsm_buffer_clear(luaL_checkudata(L, 1, TEXT));
  return 0;
}

struct wsm_buffer *wsm_push_text (lua_State *L) {
  struct wsm_buffer *text = wsm_newuserdata(L, sizeof *text);
  memset(text, 0, sizeof *text);
  if (luaL_newmetatable(L, TEXT)) {
    lua_pushcfunction(L, free_text);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return text;
}

void wsm_push_bytes (lua_State *L, struct wsm_buffer *b) {
  const size_t n = wsm_buffer_length(b);
  const void *bytes = wsm_buffer_bytes(b);
  lua_pushlstring(L, bytes ? bytes : "", n);
  wsm_buffer_clear(b);
}

int wsm_return_text (lua_State *L, struct wsm_buffer *text, bool written) {
  if (!written) return luaL_error(L, "not enough memory");
  wsm_push_bytes(L, text);
  return 1;
}
