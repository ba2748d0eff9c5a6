#include "lua/protocol/largument.h"

#include "http/head.h"
#include "http/header_lines.h"
#include "base/hidden.h"

struct wsm_span wsm_check_span (lua_State *L, int i) {
  struct wsm_span s;
  s.text = luaL_checklstring(L, i, &s.length);
  return s;
}

void wsm_check_url (lua_State *L, int i, struct wsm_url *url) {
  const struct wsm_span text = wsm_check_span(L, i);
  struct wsm_error e;
  if (!wsm_url_parse(url, text.text, text.length, &e))
    luaL_argerror(L, i, e.detail);
}

const char *wsm_opt_value (lua_State *L, int i) {
  size_t n;
  const char *s = luaL_optlstring(L, i, NULL, &n);
  if (s && !wsm_value_is_valid(s, n)) luaL_argerror(L, i, "control character");
  return s;
}

const char *wsm_opt_lines (lua_State *L, int i) {
  struct wsm_error e;
  size_t n;
  const char *s = luaL_optlstring(L, i, NULL, &n);
  if (s && !wsm_header_lines_check(s, n, &e)) luaL_argerror(L, i, e.detail);
  return s;
}

int wsm_push_field (lua_State *L, int i, const char *name) {
  luaL_checkstack(L, 4, name);
  lua_getfield(L, i, name);
  if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TSTRING)
    return luaL_error(L, "field '%s' must be a string, not a %s", name,
                      luaL_typename(L, -1));
  return lua_gettop(L);
}

const char *wsm_field_value (lua_State *L, int i, const char *name) {
  const int at = wsm_push_field(L, i, name);
  size_t n = 0;
  const char *s = lua_tolstring(L, at, &n);
  if (s && !wsm_value_is_valid(s, n))
    luaL_error(L, "field '%s' holds a control character", name);
  return s;
}

const char *wsm_field_lines (lua_State *L, int i) {
  const int at = wsm_push_field(L, i, "headers");
  struct wsm_error e;
  size_t n = 0;
  const char *s = lua_tolstring(L, at, &n);
  if (s && !wsm_header_lines_check(s, n, &e)) luaL_error(L, "%s", e.detail);
  return s;
}

void wsm_field_url (lua_State *L, int i, struct wsm_url *url) {
  const int at = wsm_push_field(L, i, "url");
  struct wsm_error e;
  size_t n = 0;
  const char *s = lua_tolstring(L, at, &n);
  if (!wsm_url_parse(url, s ? s : "", n, &e)) luaL_error(L, "%s", e.detail);
}
