#include "lua/protocol/lprotocol.h"

#include <string.h>
#include "lua/lfail.h"
#include "lua/lfield.h"
#include "lua/protocol/largument.h"
#include "lua/protocol/ltext.h"
#include "websocket/upgrade.h"
#include "base/hidden.h"

/* The table at i as a client's request; its texts stay on the stack. */
static void check_request_table (lua_State *L, int i,
                                 struct wsm_request *request,
                                 struct wsm_url *url) {
  luaL_checktype(L, i, LUA_TTABLE);
  wsm_field_url(L, i, url);
  request->url = url;
  request->key = wsm_field_value(L, i, "key");
  request->protocols = wsm_field_value(L, i, "protocols");
  lua_getfield(L, i, "optional");
  request->protocol_optional = lua_toboolean(L, -1);
  lua_pop(L, 1);
  request->extensions = wsm_field_value(L, i, "extensions");
  request->headers = wsm_field_lines(L, i);
  if (!request->key || strlen(request->key) != WSM_KEY_TEXT - 1)
    luaL_error(L, "field 'key' must be 24 characters of base64");
}

static void check_request_head (lua_State *L, int i, struct wsm_head *head) {
  struct wsm_error e;
  size_t n;
  const char *text = luaL_checklstring(L, i, &n);
  const long length = wsm_head_parse_request(head, text, n, &e);
  luaL_argcheck(L, length >= 0, i, e.detail);
  luaL_argcheck(L, length > 0, i, "the request is not whole");
}

/* --- a client's side --- */

/* key(nonce) -> Sec-WebSocket-Key */
static int key (lua_State *L) {
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

/* accept(key) -> Sec-WebSocket-Accept */
static int accept_key (lua_State *L) {
  char accept[WSM_ACCEPT_TEXT];
  size_t n;
  const char *key = luaL_checklstring(L, 1, &n);
  luaL_argcheck(L, n == WSM_KEY_TEXT - 1, 1, "24 characters expected");
  wsm_accept_write(accept, key, n);
  lua_pushstring(L, accept);
  return 1;
}

/* request{ url, key, protocols, optional, extensions, headers } -> the request */
static int request (lua_State *L) {
  struct wsm_request r;
  struct wsm_url url;
  struct wsm_buffer *text;
  check_request_table(L, 1, &r, &url);
  text = wsm_push_text(L);
  return wsm_return_text(L, text, wsm_upgrade_request(text, &r));
}

/* checkresponse(response, { as request }) -> { protocol, extensions } | nil,
** token, detail, final */
static int check_response (lua_State *L) {
  struct wsm_request request;
  struct wsm_url url;
  struct wsm_head head;
  struct wsm_agreement agreed;
  struct wsm_error e;
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  long length;
  check_request_table(L, 2, &request, &url);
  length = wsm_head_parse_response(&head, text, n, &e);
  luaL_argcheck(L, length != 0, 1, "the answer is not whole");
  if (length < 0 || !wsm_upgrade_check_response(&head, &request, &agreed, &e))
    return wsm_fail_final(L, &e);
  lua_createtable(L, 0, 2);
  wsm_set_span(L, "protocol", agreed.protocol);
  wsm_set_span(L, "extensions", agreed.extensions);
  return 1;
}

/* --- a server's side --- */

/* 0, or the status to reject the request with. */
static int reject_status (const char *text, size_t n, struct wsm_error *e) {
  struct wsm_head head;
  const long length = wsm_head_parse_request(&head, text, n, e);
  if (length > 0) return wsm_upgrade_check_request(&head, e);
  if (length == 0) wsm_error_set(e, WSM_HANDSHAKE, "the request is not whole");
  return e->token == WSM_TOOBIG ? 431 : 400;
}

/* checkrequest(request) -> 0 | status, why: how to reject it */
static int check_request (lua_State *L) {
  struct wsm_error e;
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  const int status = reject_status(text, n, &e);
  lua_pushinteger(L, status);
  if (status == 0) return 1;
  lua_pushstring(L, e.detail);
  return 2;
}

/* response(request[, protocol, extensions, headers]) -> the response that accepts */
static int accept_response (lua_State *L) {
  struct wsm_head head;
  struct wsm_error e;
  struct wsm_buffer *text;
  const char *protocol = wsm_opt_value(L, 2);
  const char *extensions = wsm_opt_value(L, 3);
  const char *headers = wsm_opt_lines(L, 4);
  check_request_head(L, 1, &head);
  if (wsm_upgrade_check_request(&head, &e) != 0)
    return luaL_argerror(L, 1, e.detail);
  text = wsm_push_text(L);
  return wsm_return_text(
    L, text, wsm_upgrade_accept(text, &head, protocol, extensions, headers));
}

/* chooseprotocol(request, supported) -> the subprotocol | nil */
static int choose_protocol (lua_State *L) {
  struct wsm_head head;
  struct wsm_span chosen;
  const char *supported = luaL_checkstring(L, 2);
  check_request_head(L, 1, &head);
  chosen = wsm_subprotocol_choose(&head, supported);
  if (chosen.length == 0) lua_pushnil(L);
  else lua_pushlstring(L, chosen.text, chosen.length);
  return 1;
}

static const luaL_Reg functions[] = { { "key", key },
                                      { "accept", accept_key },
                                      { "request", request },
                                      { "checkresponse", check_response },
                                      { "checkrequest", check_request },
                                      { "response", accept_response },
                                      { "chooseprotocol", choose_protocol },
                                      { NULL, NULL } };

void wsm_set_handshake (lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
