#include "lua/protocol/lprotocol.h"

#include "http/response.h"
#include "lua/lfield.h"
#include "lua/lhead.h"
#include "lua/protocol/largument.h"
#include "lua/protocol/ltext.h"
#include "websocket/handshake.h"

/* { { name, value } ... } */
static void push_headers (lua_State *L, const struct wsm_head *head) {
  size_t i;
  lua_createtable(L, (int)head->count, 0);
  for (i = 0; i < head->count; i++) {
    lua_createtable(L, 2, 0);
    wsm_push_span(L, head->headers[i].name);
    lua_rawseti(L, -2, 1);
    wsm_push_span(L, head->headers[i].value);
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, (int)i + 1);
  }
}

/* nil: more is needed; false, token, detail: it is none. */
static int head_fail (lua_State *L, long length, const struct wsm_error *e) {
  if (length == 0) {
    lua_pushnil(L);
    return 1;
  }
  lua_pushboolean(L, 0);
  lua_pushstring(L, wsm_token_name(e->token));
  lua_pushstring(L, e->detail);
  return 3;
}

static int l_head (lua_State *L) {
  static const char *const kinds[] = { "answer", "request", NULL };
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  const bool request = luaL_checkoption(L, 2, "answer", kinds) == 1;
  struct wsm_head head;
  struct wsm_error e;
  const long length = request ? wsm_head_parse_request(&head, text, n, &e)
                              : wsm_head_parse_response(&head, text, n, &e);
  if (length <= 0) return head_fail(L, length, &e);
  lua_pushinteger(L, (lua_Integer)length);
  wsm_push_head(L, &head);
  lua_getfield(L, -1, "headers");
  lua_setfield(L, -2, "map");
  push_headers(L, &head);
  lua_setfield(L, -2, "headers");
  return 2;
}

static int l_isvalue (lua_State *L) {
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  lua_pushboolean(L, wsm_value_is_valid(text, n));
  return 1;
}

static int l_checkheaders (lua_State *L) {
  struct wsm_error e;
  size_t n;
  const char *lines = luaL_checklstring(L, 1, &n);
  if (wsm_header_lines_check(lines, n, &e)) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, e.detail);
  return 2;
}

static int check_status (lua_State *L, int i) {
  lua_Number status;
  lua_getfield(L, i, "status");
  status = lua_tonumber(L, -1);
  if (!(status >= 200 && status <= 599))
    return luaL_error(L, "field 'status' must be from 200 to 599");
  return (int)status;
}

static int l_reply (lua_State *L) {
  struct wsm_response response;
  struct wsm_buffer *text;
  luaL_checktype(L, 1, LUA_TTABLE);
  response.status = check_status(L, 1);
  response.headers = wsm_field_lines(L, 1);
  response.length = 0;
  response.body =
    lua_tolstring(L, wsm_push_field(L, 1, "body"), &response.length);
  lua_getfield(L, 1, "head_only");
  response.head_only = lua_toboolean(L, -1);
  text = wsm_push_text(L);
  return wsm_return_text(L, text, wsm_response_write(text, &response));
}

static const luaL_Reg functions[] = { { "head", l_head },
                                      { "isvalue", l_isvalue },
                                      { "checkheaders", l_checkheaders },
                                      { "reply", l_reply },
                                      { NULL, NULL } };

void wsm_set_heads (lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
