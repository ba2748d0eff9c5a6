#include "lua/lcheck.h"

#include <string.h>
#include "base/utf8.h"
#include "http/head.h"
#include "http/header_lines.h"
#include "http/url.h"
#include "lua/lfield.h"
#include "base/hidden.h"

void wsm_check_lines (lua_State *L, int i) {
  struct wsm_error e;
  size_t n;
  const char *lines = luaL_optlstring(L, i, NULL, &n);
  if (lines && (!wsm_header_lines_check(lines, n, &e) || strlen(lines) != n))
    luaL_error(L, "%s", e.detail);
}

/* url(text) -> { scheme, user, host, port, target, secure, ipv6 } | nil, why */
static int url (lua_State *L) {
  struct wsm_url parts;
  struct wsm_error e;
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  if (!wsm_url_parse(&parts, text, n, &e)) {
    lua_pushnil(L);
    lua_pushstring(L, e.detail);
    return 2;
  }
  lua_createtable(L, 0, 7);
  wsm_set_boolean(L, "secure", parts.secure);
  wsm_set_boolean(L, "ipv6", parts.ipv6);
  wsm_set_integer(L, "port", parts.port);
  wsm_set_span(L, "scheme", parts.scheme);
  wsm_set_span(L, "user", parts.user);
  wsm_set_span(L, "host", parts.host);
  wsm_set_span(L, "target", parts.target);
  return 1;
}

/* istoken(text) -> boolean (RFC 9110 5.6.2) */
static int is_token (lua_State *L) {
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  lua_pushboolean(L, wsm_token_is_valid(text, n));
  return 1;
}

/* isreserved(name) -> boolean: only the handshake sets that header */
static int is_reserved (lua_State *L) {
  struct wsm_span name;
  name.text = luaL_checklstring(L, 1, &name.length);
  lua_pushboolean(L, wsm_header_is_reserved(name));
  return 1;
}

/* utf8(bytes) -> boolean */
static int utf8 (lua_State *L) {
  size_t n;
  const char *bytes = luaL_checklstring(L, 1, &n);
  lua_pushboolean(L, wsm_utf8_valid((const unsigned char *)bytes, n));
  return 1;
}

static const luaL_Reg functions[] = { { "url", url },
                                      { "istoken", is_token },
                                      { "isreserved", is_reserved },
                                      { "utf8", utf8 },
                                      { NULL, NULL } };

void wsm_set_checks (lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
