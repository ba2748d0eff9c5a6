#include "lua/module.h"

#include "base/memory.h"
#include "io/loop.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int luaopen_wsmanager_core (lua_State *L);

int wsm_fail (lua_State *L, const struct wsm_error *e) {
  lua_pushnil(L);
  lua_pushstring(L, wsm_token_name(e->token));
  lua_pushstring(L, e->detail);
  return 3;
}

static int now (lua_State *L) {
  lua_pushnumber(L, wsm_loop_clock_seconds());
  return 1;
}

static int memory (lua_State *L) {
  lua_createtable(L, 0, 2);
  lua_pushinteger(L, (lua_Integer)wsm_memory_calls());
  lua_setfield(L, -2, "calls");
  lua_pushinteger(L, (lua_Integer)wsm_memory_blocks());
  lua_setfield(L, -2, "blocks");
  return 1;
}

static int fail_memory (lua_State *L) {
  wsm_memory_fail((long)luaL_checkinteger(L, 1));
  return 0;
}

/* Moves the fields of the table on top into the one below it. */
static void merge (lua_State *L) {
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_settable(L, -5);
  }
  lua_pop(L, 1);
}

static void push_protocol (lua_State *L) {
  wsm_push_protocol(L);
  wsm_push_handshake(L);
  merge(L);
  wsm_push_managers(L);
  merge(L);
  wsm_push_proxy(L);
  merge(L);
}

static const luaL_Reg functions[] = { { "now", now },
                                      { "memory", memory },
                                      { "failmemory", fail_memory },
                                      { NULL, NULL } };

int luaopen_wsmanager_core (lua_State *L) {
  luaL_newlib(L, functions);
  push_protocol(L);
  lua_setfield(L, -2, "protocol");
  wsm_push_loop(L);
  lua_setfield(L, -2, "loop");
  wsm_push_tls(L);
  lua_setfield(L, -2, "tls");
  wsm_push_link(L);
  merge(L);
  wsm_push_server(L);
  lua_setfield(L, -2, "server");
  return 1;
}
