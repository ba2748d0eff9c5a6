#include <string.h>
#include "base/memory.h"
#include "io/clock.h"
#include "io/loop.h"
#include "link/mask_keys.h"
#include "lua/lcheck.h"
#include "lua/lfield.h"
#include "lua/lhttp.h"
#include "lua/llink.h"
#include "lua/lloop.h"
#include "lua/lserver.h"
#include "lua/ltls.h"
#include "lua/console/lconsole.h"
#include "lua/console/lprobe.h"
#include "lua/host/lnginx.h"
#include "lua/host/lsignal.h"
#include "lua/json/ljson.h"
#include "lua/observe/lnotes.h"
#include "lua/observe/ltotals.h"
#include "lua/observe/spec_tap.h"
#include "lua/protocol/lprotocol.h"
#include "base/hidden.h"

/* `require "wsmanager.core"`; core.lua describes the table. A file lx.c binds x: a
** type of userdata (lloop, llink, lserver, ltls), functions on a connection
** (lmessage, levent, lhttp ...), or helps those (lbox, lcheck, lclass ...). */
#define EXPORT __attribute__((visibility("default")))

EXPORT int luaopen_wsmanager_core (lua_State *L);

static int now (lua_State *L) {
  lua_pushnumber(
    L, wsm_clock_read_seconds(lua_touserdata(L, lua_upvalueindex(1))));
  return 1;
}

/* Of this Lua state; a test's clock once a loop has it (loop:freeze). */
static void set_clock (lua_State *L) {
  struct wsm_test_clock *clock = wsm_newuserdata(L, sizeof *clock);
  memset(clock, 0, sizeof *clock);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, WSM_CLOCK);
  lua_pushcclosure(L, now, 1);
  lua_setfield(L, -2, "now");
}

/* walltime() -> seconds since 1970, which may be set back */
static int wall_time (lua_State *L) {
  lua_pushnumber(L, (lua_Number)wsm_loop_time_of_day() / 1000);
  return 1;
}

static int memory (lua_State *L) {
  lua_createtable(L, 0, 2);
  wsm_set_count(L, "calls", wsm_memory_calls());
  lua_pushinteger(L, (lua_Integer)wsm_memory_blocks());
  lua_setfield(L, -2, "blocks");
  return 1;
}

static int fail_memory (lua_State *L) {
  wsm_memory_fail((long)luaL_checkinteger(L, 1));
  return 0;
}

#define SECRET 16 /* bytes */

/* secret() -> hexadecimal digits; raises where there are no random numbers */
static int secret (lua_State *L) {
  static const char digits[] = "0123456789abcdef";
  unsigned char bytes[SECRET];
  char text[2 * SECRET];
  int i;
  if (!wsm_mask_keys_draw(bytes, SECRET))
    return luaL_error(L, "OpenSSL has no random numbers");
  for (i = 0; i < SECRET; i++) {
    text[2 * i] = digits[bytes[i] >> 4];
    text[2 * i + 1] = digits[bytes[i] & 15];
  }
  lua_pushlstring(L, text, sizeof text);
  return 1;
}

static const luaL_Reg functions[] = { { "secret", secret },
                                      { "walltime", wall_time },
                                      { "memory", memory },
                                      { "failmemory", fail_memory },
                                      { NULL, NULL } };

int luaopen_wsmanager_core (lua_State *L) {
  luaL_newlib(L, functions);
  set_clock(L);
  wsm_set_checks(L);
  wsm_set_etags(L);
  wsm_set_link(L);
  wsm_set_json(L);
  wsm_set_totals(L);
  wsm_set_notes(L);
  wsm_set_nginx(L);
  wsm_set_console(L);
  wsm_set_signals(L);
  wsm_set_probe(L);
  wsm_set_inherited(L);
  wsm_push_loop(L);
  lua_setfield(L, -2, "loop");
  wsm_push_server(L);
  lua_setfield(L, -2, "server");
  wsm_push_tls(L);
  lua_setfield(L, -2, "tls");
  wsm_push_protocol(L);
  lua_setfield(L, -2, "protocol");
  wsm_set_tap(L);
  return 1;
}
