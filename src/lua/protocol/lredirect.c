#include "lua/protocol/lprotocol.h"

#include "http/header_lines.h"
#include "http/redirect.h"
#include "http/retry_after.h"
#include "http/status.h"
#include "lua/lfail.h"
#include "lua/protocol/largument.h"
#include "lua/protocol/ltext.h"
#include "websocket/upgrade.h"
#include "base/hidden.h"

/* isredirect(status) -> boolean */
static int is_redirect (lua_State *L) {
  lua_pushboolean(L, wsm_status_is_redirect((int)luaL_checkinteger(L, 1)));
  return 1;
}

/* redirect(url, location, http | nil) -> url, whether the origin changed */
static int redirect (lua_State *L) {
  struct wsm_redirect r;
  struct wsm_url url;
  struct wsm_error e;
  struct wsm_buffer *to;
  wsm_check_url(L, 1, &url);
  r.from = &url;
  r.location = wsm_check_span(L, 2);
  r.http = lua_toboolean(L, 3);
  to = wsm_push_text(L);
  if (!wsm_redirect_follow(&r, to, &e)) return wsm_fail_final(L, &e);
  wsm_push_bytes(L, to);
  lua_pushboolean(L, r.changed);
  return 2;
}

/* withoutcredentials(lines) -> lines, for another origin */
static int without_credentials (lua_State *L) {
  struct wsm_error e;
  const struct wsm_span lines = wsm_check_span(L, 1);
  struct wsm_buffer *to;
  if (!wsm_header_lines_check(lines.text, lines.length, &e))
    return luaL_argerror(L, 1, e.detail);
  to = wsm_push_text(L);
  if (!wsm_redirect_filter(to, lines.text))
    return luaL_error(L, "not enough memory");
  wsm_push_bytes(L, to);
  return 1;
}

/* protocolscredential(list | nil) -> boolean: does one carry a credential? */
static int protocols_credential (lua_State *L) {
  lua_pushboolean(
    L, wsm_redirect_protocols_have_credential(luaL_optstring(L, 1, NULL)));
  return 1;
}

/* httpdate(text, now) -> seconds since 1970, or nil */
static int http_date (lua_State *L) {
  int64_t s;
  if (wsm_date_parse(wsm_check_span(L, 1), (int64_t)luaL_checknumber(L, 2), &s))
    lua_pushinteger(L, (lua_Integer)s);
  else lua_pushnil(L);
  return 1;
}

/* retryafter(value, now, limit) -> seconds, or nil */
static int retry_after (lua_State *L) {
  const int64_t s = wsm_retry_after(wsm_check_span(L, 1),
                                    (int64_t)luaL_checknumber(L, 2),
                                    (int64_t)luaL_checknumber(L, 3));
  if (s < 0) lua_pushnil(L);
  else lua_pushinteger(L, (lua_Integer)s);
  return 1;
}

static const luaL_Reg functions[] = {
  { "isredirect", is_redirect },
  { "redirect", redirect },
  { "withoutcredentials", without_credentials },
  { "protocolscredential", protocols_credential },
  { "httpdate", http_date },
  { "retryafter", retry_after },
  { NULL, NULL }
};

void wsm_set_redirects (lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
