#include "lua/protocol/lprotocol.h"

#include <string.h>
#include "base/utf8.h"
#include "lua/lclass.h"
#include "base/hidden.h"

#define STREAM "wsmanager.utf8stream"

/* utf8stream() -> userdata, at the start of a text */
static int stream_new (lua_State *L) {
  struct wsm_utf8 *u = lua_newuserdata(L, sizeof *u);
  memset(u, 0, sizeof *u);
  luaL_setmetatable(L, STREAM);
  return 1;
}

/* stream:feed(bytes) -> boolean */
static int stream_feed (lua_State *L) {
  struct wsm_utf8 *u = luaL_checkudata(L, 1, STREAM);
  size_t n;
  const char *bytes = luaL_checklstring(L, 2, &n);
  lua_pushboolean(L, wsm_utf8_feed(u, (const unsigned char *)bytes, n));
  return 1;
}

static int stream_whole (lua_State *L) {
  const struct wsm_utf8 *u = luaL_checkudata(L, 1, STREAM);
  lua_pushboolean(L, wsm_utf8_whole(u));
  return 1;
}

static const luaL_Reg stream_methods[] = {
  { "feed", stream_feed },
  { "whole", stream_whole },
  { NULL, NULL },
};

void wsm_push_utf8_stream (lua_State *L) {
  static const struct wsm_class class = { STREAM, stream_methods, NULL,
                                          stream_new };
  wsm_push_class(L, &class);
}
