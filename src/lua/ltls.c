#include "lua/ltls.h"

#include <string.h>
#include "lua/module.h"
#include "tls/pinned_key.h"

#define CONTEXT "wsmanager.tls"
#define STANDARD "wsmanager.tls.standard"
#define PIPE "wsmanager.tlspipe"

struct context {
  struct wsm_tls_context *tls;
};

/* A connection without a socket: the bytes pass through Lua. */
struct pipe {
  struct wsm_tls *tls;
  struct wsm_buffer plain;
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

static bool flag_option (lua_State *L, const char *name, bool usual) {
  bool value;
  lua_getfield(L, 1, name);
  if (!lua_isboolean(L, -1) && !lua_isnil(L, -1))
    luaL_error(L, "tls.%s must be true or false, not a %s", name,
               luaL_typename(L, -1));
  value = lua_isnil(L, -1) ? usual : lua_toboolean(L, -1);
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

/* It stays on the stack: a text that was joined is nobody else's. */
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

/* One for all connections of a Lua state that say nothing about TLS: reading
** the system's certificates takes milliseconds and a megabyte. */
struct wsm_tls_context *wsm_default_tls (lua_State *L, struct wsm_error *e) {
  struct wsm_tls_options options;
  struct context *c;
  lua_getfield(L, LUA_REGISTRYINDEX, STANDARD);
  c = lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (c) return c->tls;
  memset(&options, 0, sizeof options);
  c = wsm_newuserdata(L, sizeof *c);
  c->tls = NULL;
  luaL_setmetatable(L, CONTEXT);
  c->tls = wsm_tls_context_new(&options, false, e);
  if (c->tls) lua_setfield(L, LUA_REGISTRYINDEX, STANDARD);
  else lua_pop(L, 1);
  return c->tls;
}

static int free_context (lua_State *L) {
  struct context *c = luaL_checkudata(L, 1, CONTEXT);
  wsm_tls_context_release(c->tls);
  c->tls = NULL;
  return 0;
}

/* --- a pipe --- */

static struct pipe *check_pipe (lua_State *L) {
  struct pipe *p = luaL_checkudata(L, 1, PIPE);
  luaL_argcheck(L, p->tls, 1, "the pipe is gone");
  return p;
}

static int new_pipe (lua_State *L) {
  struct wsm_tls_context *c = wsm_check_tls(L, 1);
  const char *host = luaL_optstring(L, 2, NULL);
  struct wsm_error e = { WSM_NONE, false, "" };
  struct pipe *p = wsm_newuserdata(L, sizeof *p);
  memset(p, 0, sizeof *p);
  luaL_setmetatable(L, PIPE);
  p->tls = wsm_tls_new(c, host, NULL, &e);
  return p->tls ? 1 : wsm_fail(L, &e);
}

static int free_pipe (lua_State *L) {
  struct pipe *p = luaL_checkudata(L, 1, PIPE);
  wsm_tls_free(p->tls);
  p->tls = NULL;
  wsm_buffer_clear(&p->plain);
  return 0;
}

static int push_and_empty (lua_State *L, struct wsm_buffer *b) {
  const size_t n = wsm_buffer_length(b);
  const void *bytes = wsm_buffer_bytes(b);
  lua_pushlstring(L, bytes ? bytes : "", n);
  wsm_buffer_consume(b, n);
  return 1;
}

/* status, plain bytes, and for "failed": token, detail, final */
static int push_status (lua_State *L, struct pipe *p,
                        enum wsm_tls_status status, const struct wsm_error *e) {
  static const char *const names[] = { "handshake", "open", "ended", "failed" };
  lua_pushstring(L, names[status]);
  push_and_empty(L, &p->plain);
  if (status != WSM_TLS_FAILED) return 2;
  lua_pushstring(L, wsm_token_name(e->token));
  lua_pushstring(L, e->detail);
  lua_pushboolean(L, e->final);
  return 5;
}

static int pipe_start (lua_State *L) {
  struct pipe *p = check_pipe(L);
  struct wsm_error e = { WSM_NONE, false, "" };
  return push_status(L, p, wsm_tls_start(p->tls, &e), &e);
}

static int pipe_feed (lua_State *L) {
  struct pipe *p = check_pipe(L);
  struct wsm_error e = { WSM_NONE, false, "" };
  size_t n;
  const char *bytes = luaL_checklstring(L, 2, &n);
  const enum wsm_tls_status status =
    wsm_tls_feed(p->tls, bytes, n, &p->plain, &e);
  return push_status(L, p, status, &e);
}

static int pipe_seal (lua_State *L) {
  struct pipe *p = check_pipe(L);
  struct wsm_error e = { WSM_NONE, false, "" };
  size_t n;
  const char *bytes = luaL_checklstring(L, 2, &n);
  if (!wsm_tls_seal(p->tls, bytes, n, &e)) return wsm_fail(L, &e);
  lua_pushboolean(L, 1);
  return 1;
}

static int pipe_close (lua_State *L) {
  wsm_tls_close(check_pipe(L)->tls);
  return 0;
}

static int pipe_take (lua_State *L) {
  return push_and_empty(L, wsm_tls_output(check_pipe(L)->tls));
}

static int pipe_version (lua_State *L) {
  lua_pushstring(L, wsm_tls_version(check_pipe(L)->tls));
  return 1;
}

static int pipe_cipher (lua_State *L) {
  lua_pushstring(L, wsm_tls_cipher(check_pipe(L)->tls));
  return 1;
}

static int pipe_resumed (lua_State *L) {
  lua_pushboolean(L, wsm_tls_resumed(check_pipe(L)->tls));
  return 1;
}

/* --- the types --- */

static const luaL_Reg context_methods[] = { { "pipe", new_pipe },
                                            { NULL, NULL } };

static const luaL_Reg pipe_methods[] = { { "start", pipe_start },
                                         { "feed", pipe_feed },
                                         { "seal", pipe_seal },
                                         { "close", pipe_close },
                                         { "take", pipe_take },
                                         { "version", pipe_version },
                                         { "cipher", pipe_cipher },
                                         { "resumed", pipe_resumed },
                                         { NULL, NULL } };

static void make_type (lua_State *L, const char *name, const luaL_Reg *methods,
                       lua_CFunction collect) {
  luaL_newmetatable(L, name);
  lua_newtable(L);
  luaL_setfuncs(L, methods, 0);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, collect);
  lua_setfield(L, -2, "__gc");
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

void wsm_push_tls (lua_State *L) {
  make_type(L, CONTEXT, context_methods, free_context);
  make_type(L, PIPE, pipe_methods, free_pipe);
  lua_pushcfunction(L, new_context);
}
