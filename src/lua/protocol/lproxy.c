#include "lua/protocol/lprotocol.h"

#include <string.h>
#include "lua/lclass.h"
#include "lua/lfail.h"
#include "lua/lfield.h"
#include "lua/protocol/largument.h"
#include "lua/protocol/ltext.h"
#include "proxy/environment.h"
#include "proxy/proxy_handshake.h"
#include "base/hidden.h"

#define EXCHANGE "wsmanager.exchange"

/* A handshake with a proxy; the user value holds its texts. */
struct box {
  struct wsm_proxy proxy;
  struct wsm_proxy_handshake handshake;
  struct wsm_buffer in, out;
};

/* --- a proxy's address --- */

/* proxy(url) -> { kind, user, host, ipv6, port } | nil, token, detail, final */
static int parse_proxy (lua_State *L) {
  static const char *const kinds[] = { "http", "https", "socks5", "socks5h" };
  const struct wsm_span text = wsm_check_span(L, 1);
  struct wsm_proxy proxy;
  struct wsm_error e;
  if (!wsm_proxy_parse(&proxy, text.text, text.length, &e))
    return wsm_fail_final(L, &e);
  lua_createtable(L, 0, 5);
  wsm_set_string(L, "kind", kinds[proxy.kind]);
  wsm_set_boolean(L, "ipv6", proxy.ipv6);
  wsm_set_integer(L, "port", proxy.port);
  wsm_set_span(L, "user", proxy.user);
  wsm_set_span(L, "host", proxy.host);
  return 1;
}

/* Pushes the variable of that name; its text lives on in the table at 1. */
static const char *variable (lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  return lua_tostring(L, -1);
}

/* environment(variables, url) -> the proxy | nil */
static int environment (lua_State *L) {
  struct wsm_environment env;
  struct wsm_url url;
  struct wsm_span proxy;
  luaL_checktype(L, 1, LUA_TTABLE);
  wsm_check_url(L, 2, &url);
  env.http_proxy = variable(L, "http_proxy");
  env.https_proxy = variable(L, "https_proxy");
  env.HTTPS_PROXY = variable(L, "HTTPS_PROXY");
  env.all_proxy = variable(L, "all_proxy");
  env.ALL_PROXY = variable(L, "ALL_PROXY");
  env.no_proxy = variable(L, "no_proxy");
  env.NO_PROXY = variable(L, "NO_PROXY");
  proxy = wsm_environment_proxy(&env, &url);
  if (proxy.length == 0) lua_pushnil(L);
  else wsm_push_span(L, proxy);
  return 1;
}

/* --- the handshake with one --- */

static struct box *check_exchange (lua_State *L) {
  return luaL_checkudata(L, 1, EXCHANGE);
}

/* exchange(proxy, host, port) -> userdata */
static int exchange_new (lua_State *L) {
  const struct wsm_span text = wsm_check_span(L, 1);
  const struct wsm_span host = wsm_check_span(L, 2);
  const lua_Integer port = luaL_checkinteger(L, 3);
  struct box *box;
  struct wsm_error e;
  luaL_argcheck(L, port > 0 && port <= 65535, 3, "no port");
  box = wsm_newuserdata(L, sizeof *box);
  memset(box, 0, sizeof *box);
  luaL_setmetatable(L, EXCHANGE);
  lua_createtable(L, 2, 0);
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, 1);
  lua_pushvalue(L, 2);
  lua_rawseti(L, -2, 2);
  lua_setuservalue(L, -2);
  if (!wsm_proxy_parse(&box->proxy, text.text, text.length, &e))
    return luaL_argerror(L, 1, e.detail);
  box->handshake.proxy = &box->proxy;
  box->handshake.host = host;
  box->handshake.port = (int)port;
  return 1;
}

static int exchange_gc (lua_State *L) {
  struct box *box = check_exchange(L);
  wsm_buffer_clear(&box->in);
  wsm_buffer_clear(&box->out);
  return 0;
}

/* exchange:start() -> the first bytes */
static int exchange_start (lua_State *L) {
  struct box *box = check_exchange(L);
  struct wsm_error e;
  if (!wsm_proxy_handshake_start(&box->handshake, &box->out, &e))
    return wsm_fail_final(L, &e);
  wsm_push_bytes(L, &box->out);
  return 1;
}

/* exchange:feed(bytes) -> "more" or "open", the bytes for the proxy, and those
** that belong to the tunnel */
static int exchange_feed (lua_State *L) {
  struct box *box = check_exchange(L);
  const struct wsm_span bytes = wsm_check_span(L, 2);
  enum wsm_proxy_handshake_status status;
  struct wsm_error e;
  if (!wsm_buffer_append(&box->in, bytes.text, bytes.length))
    return luaL_error(L, "not enough memory");
  status = wsm_proxy_handshake_read(&box->handshake, &box->in, &box->out, &e);
  if (status == WSM_PROXY_HANDSHAKE_FAILED) return wsm_fail_final(L, &e);
  lua_pushstring(L, status == WSM_PROXY_HANDSHAKE_OPEN ? "open" : "more");
  wsm_push_bytes(L, &box->out);
  if (status == WSM_PROXY_HANDSHAKE_MORE) return 2;
  wsm_push_bytes(L, &box->in);
  return 3;
}

static int exchange_ended (lua_State *L) {
  struct wsm_error e;
  wsm_proxy_handshake_ended(&check_exchange(L)->handshake, &e);
  return wsm_fail_final(L, &e);
}

static const luaL_Reg functions[] = { { "proxy", parse_proxy },
                                      { "environment", environment },
                                      { NULL, NULL } };

static const luaL_Reg methods[] = { { "start", exchange_start },
                                    { "feed", exchange_feed },
                                    { "ended", exchange_ended },
                                    { NULL, NULL } };

void wsm_set_proxies (lua_State *L) {
  static const struct wsm_class class = { EXCHANGE, methods, exchange_gc,
                                          exchange_new };
  luaL_setfuncs(L, functions, 0);
  wsm_push_class(L, &class);
  lua_setfield(L, -2, "exchange");
}
