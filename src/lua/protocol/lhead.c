#include "lua/protocol/lprotocol.h"

#include "http/request_framing.h"
#include "http/body.h"
#include "http/header_lines.h"
#include "http/request_target.h"
#include "http/server_response.h"
#include "http/status.h"
#include "lua/lfield.h"
#include "lua/lheaders.h"
#include "lua/protocol/largument.h"
#include "lua/protocol/ltext.h"
#include "websocket/upgrade.h"
#include "base/hidden.h"

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

/* Returns nil: incomplete | false, token, detail. */
static int return_no_head (lua_State *L, long length,
                           const struct wsm_error *e) {
  if (length == 0) {
    lua_pushnil(L);
    return 1;
  }
  lua_pushboolean(L, 0);
  lua_pushstring(L, wsm_token_name(e->token));
  lua_pushstring(L, e->detail);
  return 3;
}

/* head(text[, "answer" | "request"]) -> length, { ..., headers, map } | nil |
** false, token, detail; "answer": of a response */
static int parse_head (lua_State *L) {
  static const char *const kinds[] = { "answer", "request", NULL };
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  const bool request = luaL_checkoption(L, 2, "answer", kinds) == 1;
  struct wsm_head head;
  struct wsm_error e;
  const long length = request ? wsm_head_parse_request(&head, text, n, &e)
                              : wsm_head_parse_response(&head, text, n, &e);
  if (length <= 0) return return_no_head(L, length, &e);
  lua_pushinteger(L, (lua_Integer)length);
  wsm_push_head(L, &head);
  lua_getfield(L, -1, "headers");
  lua_setfield(L, -2, "map");
  push_headers(L, &head);
  lua_setfield(L, -2, "headers");
  return 2;
}

/* requesttarget(request) -> host, path, query | nil, why */
static int request_target (lua_State *L) {
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n), *why;
  struct wsm_request_target target;
  struct wsm_head head;
  struct wsm_error e;
  if (wsm_head_parse_request(&head, text, n, &e) <= 0)
    return luaL_argerror(L, 1, "no whole request");
  why = wsm_request_target_parse(&target, &head);
  if (why) {
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
  }
  wsm_push_span(L, target.host);
  wsm_push_span(L, target.path);
  wsm_push_span(L, target.query);
  return 3;
}

/* Appends the body among the bytes to text. */
static enum wsm_body_status decode (lua_State *L, struct wsm_body *body,
                                    struct wsm_span in,
                                    struct wsm_buffer *text) {
  struct wsm_span piece;
  enum wsm_body_status status;
  while ((status = wsm_body_take(body, &in, &piece)) == WSM_BODY_DATA)
    if (!wsm_buffer_append(text, piece.text, piece.length))
      luaL_error(L, "not enough memory");
  return status;
}

/* body(head, "answer" | "request", { bytes ... }) -> body, "more" | "end" | "bad":
** the bytes in the pieces in which they come */
static int body (lua_State *L) {
  static const char *const kinds[] = { "answer", "request", NULL };
  static const char *const names[] = { "more", "data", "end", "bad" };
  enum wsm_body_status status = WSM_BODY_MORE;
  const struct wsm_span all = wsm_check_span(L, 1);
  const bool request = luaL_checkoption(L, 2, "answer", kinds) == 1;
  struct wsm_buffer *text;
  struct wsm_head head;
  struct wsm_body b;
  struct wsm_error e;
  const long n = request
                   ? wsm_head_parse_request(&head, all.text, all.length, &e)
                   : wsm_head_parse_response(&head, all.text, all.length, &e);
  int i, count;
  luaL_argcheck(L, n > 0, 1, "no whole head");
  luaL_checktype(L, 3, LUA_TTABLE);
  count = (int)lua_rawlen(L, 3);
  text = wsm_push_text(L);
  wsm_body_start(&b, &head);
  for (i = 1; i <= count; i++) {
    lua_rawgeti(L, 3, i);
    status = decode(L, &b, wsm_check_span(L, -1), text);
    lua_pop(L, 1);
  }
  wsm_push_bytes(L, text);
  lua_pushstring(L, names[status]);
  return 2;
}

/* isvalue(text) -> boolean (RFC 9110 5.5) */
static int is_value (lua_State *L) {
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  lua_pushboolean(L, wsm_value_is_valid(text, n));
  return 1;
}

/* checkheaders(lines) -> true | nil, why */
static int check_headers (lua_State *L) {
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

/* requestbody(text, limit) -> 0 or the status that refuses it, why, whether the
** client waits for a 100, whether another request may follow; nil: no request */
static int request_body (lua_State *L) {
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  struct wsm_error e = { WSM_NONE, false, "" };
  struct wsm_head head;
  if (wsm_head_parse_request(&head, text, n, &e) <= 0) return 0;
  lua_pushinteger(
    L, wsm_framing_check_body(&head, (uint64_t)luaL_checknumber(L, 2), &e));
  lua_pushstring(L, e.detail);
  lua_pushboolean(L, wsm_framing_awaits_continue(&head));
  lua_pushboolean(L, wsm_framing_persists(&head));
  return 4;
}

/* reply{ status, headers, body, head_only, persistent, date } -> bytes */
static int response (lua_State *L) {
  struct wsm_response r;
  struct wsm_buffer *text;
  luaL_checktype(L, 1, LUA_TTABLE);
  r.status = check_status(L, 1);
  r.headers = wsm_field_lines(L, 1);
  r.length = 0;
  r.body = lua_tolstring(L, wsm_push_field(L, 1, "body"), &r.length);
  lua_getfield(L, 1, "head_only");
  r.head_only = lua_toboolean(L, -1);
  lua_getfield(L, 1, "persistent");
  r.persistent = lua_toboolean(L, -1);
  lua_getfield(L, 1, "date");
  r.date_s = (int64_t)lua_tonumber(L, -1);
  text = wsm_push_text(L);
  return wsm_return_text(L, text, wsm_response_write(text, &r));
}

static const luaL_Reg functions[] = {
  { "head", parse_head },  { "requesttarget", request_target },
  { "body", body },        { "requestbody", request_body },
  { "isvalue", is_value }, { "checkheaders", check_headers },
  { "reply", response },   { NULL, NULL }
};

void wsm_set_heads (lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
