#include "lua/ltls.h"

#include <string.h>
#include "lua/lclass.h"
#include "lua/lfail.h"
#include "tls/pinned_key.h"
#include "base/hidden.h"

#define CONTEXT "wsmanager.tls"
#define DEFAULT "wsmanager.tls.default"

struct context {
  struct wsm_tls_context *tls;
};

struct wsm_tls_context *wsm_check_tls (lua_State *L, int i) {
  struct context *c = luaL_checkudata(L, i, CONTEXT);
  luaL_argcheck(L, c->tls, i, "the context is gone");
  return c->tls;
}

/* --- options --- */

/* The text on the top; NULL for nil. */
static const char *check_text (lua_State *L, const char *name) {
  size_t n;
  const char *text;
  if (lua_type(L, -1) != LUA_TSTRING && !lua_isnil(L, -1))
    luaL_error(L, "tls.%s must be a string, not a %s", name,
               luaL_typename(L, -1));
  text = lua_tolstring(L, -1, &n);
  if (text && strlen(text) != n)
    luaL_error(L, "tls.%s contains a zero byte", name);
  return text;
}

static const char *text_option (lua_State *L, const char *name) {
  const char *text;
  lua_getfield(L, 1, name);
  text = check_text(L, name);
  lua_pop(L, 1); /* the table holds it while it is used */
  return text;
}

static bool flag_option (lua_State *L, const char *name, bool absent) {
  bool value;
  lua_getfield(L, 1, name);
  if (!lua_isboolean(L, -1) && !lua_isnil(L, -1))
    luaL_error(L, "tls.%s must be true or false, not a %s", name,
               luaL_typename(L, -1));
  value = lua_isnil(L, -1) ? absent : lua_toboolean(L, -1);
  lua_pop(L, 1);
  return value;
}

static bool is_tls13 (lua_State *L) {
  const char *min = text_option(L, "min");
  if (!min || strcmp(min, "1.2") == 0) return false;
  if (strcmp(min, "1.3") != 0)
    luaL_error(L, "tls.min must be \"1.2\" or \"1.3\", not \"%s\"", min);
  return true;
}

/* Pushes the list on the top as one text, with ";" between. */
static void join (lua_State *L, const char *name) {
  int i;
  lua_pushliteral(L, "");
  for (i = 1;; i++) {
    lua_pushstring(L, i > 1 ? ";" : "");
    lua_rawgeti(L, -3, i);
    if (!check_text(L, name)) break;
    lua_concat(L, 3);
  }
  lua_pop(L, 2);
}

/* The text stays on the stack, as nothing else holds a joined one. */
static const char *pin_option (lua_State *L) {
  const char *pin;
  lua_getfield(L, 1, "pin");
  if (lua_istable(L, -1)) join(L, "pin");
  pin = check_text(L, "pin");
  if (pin && !wsm_pinned_key_valid(pin))
    luaL_error(L,
               "tls.pin must be \"sha256//\" and the 44 characters of base64 "
               "of a SHA-256, not \"%s\"",
               pin);
  return pin;
}

static void read_options (lua_State *L, struct wsm_tls_options *o) {
  o->ca = text_option(L, "ca");
  o->cert = text_option(L, "cert");
  o->key = text_option(L, "key");
  o->hostname = text_option(L, "hostname");
  o->keylog = text_option(L, "keylog");
  o->pin = pin_option(L);
  o->unverified = !flag_option(L, "verify", true);
  o->require_client_cert = flag_option(L, "ask", false);
  o->tls13 = is_tls13(L);
}

static int new_context (lua_State *L) {
  struct wsm_tls_options options;
  struct wsm_error e = { WSM_NONE, false, "" };
  struct context *c;
  luaL_checktype(L, 1, LUA_TTABLE);
  read_options(L, &options);
  c = wsm_newuserdata(L, sizeof *c);
  c->tls = NULL;
  luaL_setmetatable(L, CONTEXT);
  c->tls = wsm_tls_context_new(&options, lua_toboolean(L, 2), &e);
  return c->tls ? 1 : wsm_fail(L, &e);
}

/* One for each Lua state: reading the system's certificates takes milliseconds
** and a megabyte. */
struct wsm_tls_context *wsm_default_tls (lua_State *L, struct wsm_error *e) {
  struct wsm_tls_options options;
  struct context *c;
  lua_getfield(L, LUA_REGISTRYINDEX, DEFAULT);
  c = lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (c) return c->tls;
  memset(&options, 0, sizeof options);
  c = wsm_newuserdata(L, sizeof *c);
  c->tls = NULL;
  luaL_setmetatable(L, CONTEXT);
  c->tls = wsm_tls_context_new(&options, false, e);
  if (c->tls) lua_setfield(L, LUA_REGISTRYINDEX, DEFAULT);
  else lua_pop(L, 1);
  return c->tls;
}

static int free_context (lua_State *L) {
  struct context *c = luaL_checkudata(L, 1, CONTEXT);
  wsm_tls_context_release(c->tls);
  c->tls = NULL;
  return 0;
}

void wsm_push_tls (lua_State *L) {
  static const struct wsm_class class = { CONTEXT, NULL, free_context,
                                          new_context };
  wsm_push_class(L, &class);
}
