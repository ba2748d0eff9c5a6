#include <string.h>
#include "lua/lhead.h"
#include "lua/module.h"
#include "websocket/handshake.h"

#define TEXT "wsmanager.text"

/* --- a buffer that is let go of whatever Lua throws --- */

static int text_gc (lua_State *L) {
  wsm_buffer_clear(luaL_checkudata(L, 1, TEXT));
  return 0;
}

static struct wsm_buffer *text_new (lua_State *L) {
  struct wsm_buffer *text = wsm_newuserdata(L, sizeof *text);
  memset(text, 0, sizeof *text);
  luaL_setmetatable(L, TEXT);
  return text;
}

static int text_return (lua_State *L, struct wsm_buffer *text, bool written) {
  const unsigned char *bytes = wsm_buffer_bytes(text);
  if (!written) return luaL_error(L, "not enough memory");
  lua_pushlstring(L, (const char *)bytes, wsm_buffer_length(text));
  wsm_buffer_clear(text);
  return 1;
}

/* --- arguments --- */

static void set_span (lua_State *L, const char *key, struct wsm_span s) {
  lua_pushlstring(L, s.text, s.length);
  lua_setfield(L, -2, key);
}

static void set_boolean (lua_State *L, const char *key, bool value) {
  lua_pushboolean(L, value);
  lua_setfield(L, -2, key);
}

static void set_integer (lua_State *L, const char *key, int value) {
  lua_pushinteger(L, value);
  lua_setfield(L, -2, key);
}

/* The string at i, checked; NULL for none. */
static const char *opt_value (lua_State *L, int i) {
  size_t n;
  const char *s = luaL_optlstring(L, i, NULL, &n);
  if (s && !wsm_value_is_valid(s, n)) luaL_argerror(L, i, "control character");
  return s;
}

static const char *opt_lines (lua_State *L, int i) {
  struct wsm_error e;
  size_t n;
  const char *s = luaL_optlstring(L, i, NULL, &n);
  if (s && !wsm_header_lines_check(s, n, &e)) luaL_argerror(L, i, e.detail);
  return s;
}

/* Pushes field `name` of the table at i, so that its text lives on, and
** returns where it is. */
static int push_field (lua_State *L, int i, const char *name) {
  luaL_checkstack(L, 4, name);
  lua_getfield(L, i, name);
  if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TSTRING)
    return luaL_error(L, "field '%s' must be a string, not a %s", name,
                      luaL_typename(L, -1));
  return lua_gettop(L);
}

static const char *field_value (lua_State *L, int i, const char *name) {
  const int at = push_field(L, i, name);
  size_t n = 0;
  const char *s = lua_tolstring(L, at, &n);
  if (s && !wsm_value_is_valid(s, n))
    luaL_error(L, "field '%s' holds a control character", name);
  return s;
}

static const char *field_lines (lua_State *L, int i) {
  const int at = push_field(L, i, "headers");
  struct wsm_error e;
  size_t n = 0;
  const char *s = lua_tolstring(L, at, &n);
  if (s && !wsm_header_lines_check(s, n, &e)) luaL_error(L, "%s", e.detail);
  return s;
}

static void check_url (lua_State *L, int i, struct wsm_url *url) {
  const int at = push_field(L, i, "url");
  struct wsm_error e;
  size_t n = 0;
  const char *s = lua_tolstring(L, at, &n);
  if (!wsm_url_parse(url, s ? s : "", n, &e)) luaL_error(L, "%s", e.detail);
}

/* The table at i as what a client asks for; its texts are on the stack. */
static void check_ask (lua_State *L, int i, struct wsm_request *ask,
                       struct wsm_url *url) {
  luaL_checktype(L, i, LUA_TTABLE);
  check_url(L, i, url);
  ask->url = url;
  ask->key = field_value(L, i, "key");
  ask->protocols = field_value(L, i, "protocols");
  ask->extensions = field_value(L, i, "extensions");
  ask->headers = field_lines(L, i);
  if (!ask->key || strlen(ask->key) != WSM_KEY_TEXT - 1)
    luaL_error(L, "field 'key' must be 24 characters of base64");
}

static void check_request (lua_State *L, int i, struct wsm_head *head) {
  struct wsm_error e;
  size_t n;
  const char *text = luaL_checklstring(L, i, &n);
  const long length = wsm_head_parse_request(head, text, n, &e);
  luaL_argcheck(L, length >= 0, i, e.detail);
  luaL_argcheck(L, length > 0, i, "the request is not whole");
}

/* --- reading --- */

static int l_url (lua_State *L) {
  struct wsm_url url;
  struct wsm_error e;
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  if (!wsm_url_parse(&url, text, n, &e)) {
    lua_pushnil(L);
    lua_pushstring(L, e.detail);
    return 2;
  }
  lua_createtable(L, 0, 7);
  set_boolean(L, "secure", url.secure);
  set_boolean(L, "ipv6", url.ipv6);
  set_integer(L, "port", url.port);
  set_span(L, "scheme", url.scheme);
  set_span(L, "user", url.user);
  set_span(L, "host", url.host);
  set_span(L, "target", url.target);
  return 1;
}

static void push_headers (lua_State *L, const struct wsm_head *head) {
  size_t i;
  lua_createtable(L, (int)head->count, 0);
  for (i = 0; i < head->count; i++) {
    lua_createtable(L, 2, 0);
    lua_pushlstring(L, head->headers[i].name.text,
                    head->headers[i].name.length);
    lua_rawseti(L, -2, 1);
    lua_pushlstring(L, head->headers[i].value.text,
                    head->headers[i].value.length);
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

static int l_istoken (lua_State *L) {
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  lua_pushboolean(L, wsm_token_is_valid(text, n));
  return 1;
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

/* --- a client's side --- */

static int l_key (lua_State *L) {
  char key[WSM_KEY_TEXT];
  unsigned char nonce[WSM_NONCE_SIZE];
  size_t n;
  const char *bytes = luaL_checklstring(L, 1, &n);
  luaL_argcheck(L, n == WSM_NONCE_SIZE, 1, "16 bytes expected");
  memcpy(nonce, bytes, WSM_NONCE_SIZE);
  wsm_key_write(key, nonce);
  lua_pushstring(L, key);
  return 1;
}

static int l_accept (lua_State *L) {
  char accept[WSM_ACCEPT_TEXT];
  size_t n;
  const char *key = luaL_checklstring(L, 1, &n);
  luaL_argcheck(L, n == WSM_KEY_TEXT - 1, 1, "24 characters expected");
  wsm_accept_write(accept, key, n);
  lua_pushstring(L, accept);
  return 1;
}

static int l_ask (lua_State *L) {
  struct wsm_request ask;
  struct wsm_url url;
  struct wsm_buffer *text;
  check_ask(L, 1, &ask, &url);
  text = text_new(L);
  return text_return(L, text, wsm_handshake_request(text, &ask));
}

static int judge_fail (lua_State *L, const struct wsm_error *e) {
  const int n = wsm_fail(L, e);
  lua_pushboolean(L, e->final);
  return n + 1;
}

static int l_judge (lua_State *L) {
  struct wsm_request ask;
  struct wsm_url url;
  struct wsm_head head;
  struct wsm_agreement agreed;
  struct wsm_error e;
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  long length;
  check_ask(L, 2, &ask, &url);
  length = wsm_head_parse_response(&head, text, n, &e);
  luaL_argcheck(L, length != 0, 1, "the answer is not whole");
  if (length < 0 || !wsm_handshake_check_response(&head, &ask, &agreed, &e))
    return judge_fail(L, &e);
  lua_createtable(L, 0, 2);
  set_span(L, "protocol", agreed.protocol);
  set_span(L, "extensions", agreed.extensions);
  return 1;
}

/* --- a server's side --- */

static int examine (const char *text, size_t n, struct wsm_error *e) {
  struct wsm_head head;
  const long length = wsm_head_parse_request(&head, text, n, e);
  if (length > 0) return wsm_handshake_check_request(&head, e);
  if (length == 0) wsm_error_set(e, WSM_HANDSHAKE, "the request is not whole");
  return e->token == WSM_TOOBIG ? 431 : 400;
}

static int l_examine (lua_State *L) {
  struct wsm_error e;
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  const int status = examine(text, n, &e);
  lua_pushinteger(L, status);
  if (status == 0) return 1;
  lua_pushstring(L, e.detail);
  return 2;
}

static int l_answer (lua_State *L) {
  struct wsm_head head;
  struct wsm_error e;
  struct wsm_buffer *text;
  const char *protocol = opt_value(L, 2);
  const char *extensions = opt_value(L, 3);
  const char *headers = opt_lines(L, 4);
  check_request(L, 1, &head);
  if (wsm_handshake_check_request(&head, &e) != 0)
    return luaL_argerror(L, 1, e.detail);
  text = text_new(L);
  return text_return(
    L, text, wsm_handshake_accept(text, &head, protocol, extensions, headers));
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
  struct wsm_response reply;
  struct wsm_buffer *text;
  luaL_checktype(L, 1, LUA_TTABLE);
  reply.status = check_status(L, 1);
  reply.headers = field_lines(L, 1);
  reply.length = 0;
  reply.body = lua_tolstring(L, push_field(L, 1, "body"), &reply.length);
  lua_getfield(L, 1, "head_only");
  reply.head_only = lua_toboolean(L, -1);
  text = text_new(L);
  return text_return(L, text, wsm_response_write(text, &reply));
}

static int l_choose (lua_State *L) {
  struct wsm_head head;
  struct wsm_span chosen;
  const char *supported = luaL_checkstring(L, 2);
  check_request(L, 1, &head);
  chosen = wsm_protocol_choose(&head, supported);
  if (chosen.length == 0) lua_pushnil(L);
  else lua_pushlstring(L, chosen.text, chosen.length);
  return 1;
}

static const luaL_Reg functions[] = { { "url", l_url },
                                      { "head", l_head },
                                      { "istoken", l_istoken },
                                      { "isvalue", l_isvalue },
                                      { "checkheaders", l_checkheaders },
                                      { "key", l_key },
                                      { "accept", l_accept },
                                      { "ask", l_ask },
                                      { "judge", l_judge },
                                      { "examine", l_examine },
                                      { "answer", l_answer },
                                      { "reply", l_reply },
                                      { "choose", l_choose },
                                      { NULL, NULL } };

void wsm_push_handshake (lua_State *L) {
  luaL_newmetatable(L, TEXT);
  lua_pushcfunction(L, text_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  luaL_newlib(L, functions);
}
