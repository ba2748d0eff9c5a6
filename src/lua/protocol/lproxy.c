#include <string.h>
#include "lua/module.h"
#include "proxy/environment.h"
#include "proxy/proxy_handshake.h"
#include "websocket/handshake.h"
#include "http/redirect.h"
#include "http/retry_after.h"

#define EXCHANGE "wsmanager.exchange"

/* Its texts are in the userdata's own table. */
struct exchange {
  struct wsm_proxy proxy;
  struct wsm_proxy_handshake x;
  struct wsm_buffer in, out;
};

static struct wsm_span check_span (lua_State *L, int i) {
  struct wsm_span s;
  s.text = luaL_checklstring(L, i, &s.length);
  return s;
}

static void push_span (lua_State *L, struct wsm_span s) {
  lua_pushlstring(L, s.text, s.length);
}

static void set_span (lua_State *L, const char *key, struct wsm_span s) {
  push_span(L, s);
  lua_setfield(L, -2, key);
}

static void check_url (lua_State *L, int i, struct wsm_url *url) {
  const struct wsm_span text = check_span(L, i);
  struct wsm_error e;
  if (!wsm_url_parse(url, text.text, text.length, &e))
    luaL_argerror(L, i, e.detail);
}

/* nil, token, detail, final */
static int fail (lua_State *L, const struct wsm_error *e) {
  const int n = wsm_fail(L, e);
  lua_pushboolean(L, e->final);
  return n + 1;
}

/* --- a proxy's address --- */

static int l_proxy (lua_State *L) {
  static const char *const kinds[] = { "http", "https", "socks5", "socks5h" };
  const struct wsm_span text = check_span(L, 1);
  struct wsm_proxy proxy;
  struct wsm_error e;
  if (!wsm_proxy_parse(&proxy, text.text, text.length, &e)) return fail(L, &e);
  lua_createtable(L, 0, 5);
  lua_pushstring(L, kinds[proxy.kind]);
  lua_setfield(L, -2, "kind");
  lua_pushboolean(L, proxy.ipv6);
  lua_setfield(L, -2, "ipv6");
  lua_pushinteger(L, proxy.port);
  lua_setfield(L, -2, "port");
  set_span(L, "user", proxy.user);
  set_span(L, "host", proxy.host);
  return 1;
}

/* Pushes the variable of that name; its text lives on in the table at 1. */
static const char *variable (lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  return lua_tostring(L, -1);
}

static int l_environment (lua_State *L) {
  struct wsm_environment env;
  struct wsm_url url;
  struct wsm_span proxy;
  luaL_checktype(L, 1, LUA_TTABLE);
  check_url(L, 2, &url);
  env.http_proxy = variable(L, "http_proxy");
  env.https_proxy = variable(L, "https_proxy");
  env.HTTPS_PROXY = variable(L, "HTTPS_PROXY");
  env.all_proxy = variable(L, "all_proxy");
  env.ALL_PROXY = variable(L, "ALL_PROXY");
  env.no_proxy = variable(L, "no_proxy");
  env.NO_PROXY = variable(L, "NO_PROXY");
  proxy = wsm_environment_proxy(&env, &url);
  if (proxy.length == 0) lua_pushnil(L);
  else push_span(L, proxy);
  return 1;
}

/* --- an exchange with one --- */

static struct exchange *check_exchange (lua_State *L) {
  return luaL_checkudata(L, 1, EXCHANGE);
}

static int l_exchange (lua_State *L) {
  const struct wsm_span text = check_span(L, 1);
  const struct wsm_span host = check_span(L, 2);
  const lua_Integer port = luaL_checkinteger(L, 3);
  struct exchange *ex;
  struct wsm_error e;
  luaL_argcheck(L, port > 0 && port <= 65535, 3, "no port");
  ex = wsm_newuserdata(L, sizeof *ex);
  memset(ex, 0, sizeof *ex);
  luaL_setmetatable(L, EXCHANGE);
  lua_createtable(L, 2, 0); /* its texts live on */
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, 1);
  lua_pushvalue(L, 2);
  lua_rawseti(L, -2, 2);
  lua_setuservalue(L, -2);
  if (!wsm_proxy_parse(&ex->proxy, text.text, text.length, &e))
    return luaL_argerror(L, 1, e.detail);
  ex->x.proxy = &ex->proxy;
  ex->x.host = host;
  ex->x.port = (int)port;
  return 1;
}

static int exchange_gc (lua_State *L) {
  struct exchange *ex = check_exchange(L);
  wsm_buffer_clear(&ex->in);
  wsm_buffer_clear(&ex->out);
  return 0;
}

static void push_out (lua_State *L, struct wsm_buffer *b) {
  const size_t n = wsm_buffer_length(b);
  lua_pushlstring(L, n ? (const char *)wsm_buffer_bytes(b) : "", n);
  wsm_buffer_clear(b);
}

/* exchange:start() -> the first words */
static int exchange_start (lua_State *L) {
  struct exchange *ex = check_exchange(L);
  struct wsm_error e;
  if (!wsm_proxy_handshake_start(&ex->x, &ex->out, &e)) return fail(L, &e);
  push_out(L, &ex->out);
  return 1;
}

/* exchange:feed(bytes) -> "more" or "open", what the proxy is told, and what
** is left for the tunnel */
static int exchange_feed (lua_State *L) {
  struct exchange *ex = check_exchange(L);
  const struct wsm_span bytes = check_span(L, 2);
  enum wsm_proxy_handshake_status status;
  struct wsm_error e;
  if (!wsm_buffer_append(&ex->in, bytes.text, bytes.length))
    return luaL_error(L, "not enough memory");
  status = wsm_proxy_handshake_read(&ex->x, &ex->in, &ex->out, &e);
  if (status == WSM_PROXY_HANDSHAKE_FAILED) return fail(L, &e);
  lua_pushstring(L, status == WSM_PROXY_HANDSHAKE_OPEN ? "open" : "more");
  push_out(L, &ex->out);
  if (status == WSM_PROXY_HANDSHAKE_MORE) return 2;
  push_out(L, &ex->in);
  return 3;
}

static int exchange_ended (lua_State *L) {
  struct wsm_error e;
  wsm_proxy_handshake_ended(&check_exchange(L)->x, &e);
  return fail(L, &e);
}

/* --- redirects and answers --- */

static struct wsm_buffer *text_new (lua_State *L) {
  struct exchange *ex = wsm_newuserdata(L, sizeof *ex);
  memset(ex, 0, sizeof *ex);
  luaL_setmetatable(L, EXCHANGE);
  return &ex->out;
}

static int l_isredirect (lua_State *L) {
  lua_pushboolean(L, wsm_redirect_is((int)luaL_checkinteger(L, 1)));
  return 1;
}

/* redirect(url, location) -> url, whether the origin is another */
static int l_redirect (lua_State *L) {
  struct wsm_redirect r;
  struct wsm_url url;
  struct wsm_error e;
  struct wsm_buffer *to;
  check_url(L, 1, &url);
  r.from = &url;
  r.location = check_span(L, 2);
  to = text_new(L);
  if (!wsm_redirect_follow(&r, to, &e)) return fail(L, &e);
  push_out(L, to);
  lua_pushboolean(L, r.changed);
  return 2;
}

static int l_withoutcredentials (lua_State *L) {
  struct wsm_error e;
  const struct wsm_span lines = check_span(L, 1);
  struct wsm_buffer *to;
  if (!wsm_header_lines_check(lines.text, lines.length, &e))
    return luaL_argerror(L, 1, e.detail);
  to = text_new(L);
  if (!wsm_redirect_filter(to, lines.text))
    return luaL_error(L, "not enough memory");
  push_out(L, to);
  return 1;
}

/* httpdate(text, now) -> seconds since 1970, or nil */
static int l_httpdate (lua_State *L) {
  int64_t s;
  if (wsm_date_parse(check_span(L, 1), (int64_t)luaL_checknumber(L, 2), &s))
    lua_pushinteger(L, (lua_Integer)s);
  else lua_pushnil(L);
  return 1;
}

/* retryafter(value, now, limit) -> seconds, or nil */
static int l_retryafter (lua_State *L) {
  const int64_t s = wsm_retry_after(check_span(L, 1),
                                    (int64_t)luaL_checknumber(L, 2),
                                    (int64_t)luaL_checknumber(L, 3));
  if (s < 0) lua_pushnil(L);
  else lua_pushinteger(L, (lua_Integer)s);
  return 1;
}

static const luaL_Reg functions[] = { { "proxy", l_proxy },
                                      { "environment", l_environment },
                                      { "exchange", l_exchange },
                                      { "isredirect", l_isredirect },
                                      { "redirect", l_redirect },
                                      { "withoutcredentials",
                                        l_withoutcredentials },
                                      { "httpdate", l_httpdate },
                                      { "retryafter", l_retryafter },
                                      { NULL, NULL } };

static const luaL_Reg methods[] = { { "start", exchange_start },
                                    { "feed", exchange_feed },
                                    { "ended", exchange_ended },
                                    { "__gc", exchange_gc },
                                    { NULL, NULL } };

void wsm_push_proxy (lua_State *L) {
  luaL_newmetatable(L, EXCHANGE);
  luaL_setfuncs(L, methods, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  luaL_newlib(L, functions);
}
