#include "lua/protocol/lprotocol.h"

#include <string.h>
#include "lua/lclass.h"
#include "lua/lfail.h"
#include "lua/ltls.h"
#include "base/hidden.h"

#define PIPE "wsmanager.tlspipe"

/* A connection without a socket: the bytes pass through Lua. */
struct pipe {
  struct wsm_tls *tls;
  struct wsm_buffer plain;
};

static struct pipe *check_pipe (lua_State *L) {
  struct pipe *p = luaL_checkudata(L, 1, PIPE);
  luaL_argcheck(L, p->tls, 1, "the pipe is gone");
  return p;
}

static int new_pipe (lua_State *L) {
  struct wsm_tls_context *c = wsm_check_tls(L, 1);
  const struct wsm_tls_setup setup = { luaL_optstring(L, 2, NULL), NULL, false,
                                       false };
  struct wsm_error e = { WSM_NONE, false, "" };
  struct pipe *p = wsm_newuserdata(L, sizeof *p);
  memset(p, 0, sizeof *p);
  luaL_setmetatable(L, PIPE);
  p->tls = wsm_tls_new(c, &setup, &e);
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

static const luaL_Reg pipe_methods[] = { { "start", pipe_start },
                                         { "feed", pipe_feed },
                                         { "seal", pipe_seal },
                                         { "close", pipe_close },
                                         { "take", pipe_take },
                                         { "version", pipe_version },
                                         { "cipher", pipe_cipher },
                                         { "resumed", pipe_resumed },
                                         { NULL, NULL } };

void wsm_push_tls_pipe (lua_State *L) {
  static const struct wsm_class class = { PIPE, pipe_methods, free_pipe,
                                          new_pipe };
  wsm_push_class(L, &class);
}
