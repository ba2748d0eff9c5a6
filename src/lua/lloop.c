#include "lua/lloop.h"

#include <math.h>
#include "io/clock.h"
#include "lua/lclass.h"
#include "lua/lfail.h"
#include "lua/lfield.h"
#include "lua/lguest.h"
#include "base/hidden.h"

#define LOOP "wsmanager.loop"

struct box {
  const void *mark;      /* first: wsm_marked */
  struct wsm_loop *loop; /* NULL: closed */
};

static const char mark; /* its address */

static struct box *check_box (lua_State *L, int i) {
  struct box *box = wsm_marked(L, i, &mark, sizeof *box);
  return box ? box : luaL_checkudata(L, i, LOOP); /* which raises */
}

int wsm_fail_forked (lua_State *L) {
  lua_pushliteral(L, "wsmanager: this process was forked after its first "
                     "connection or server, which stay with its parent; fork "
                     "before, or open a Lua state of its own here");
  return lua_error(L);
}

struct wsm_loop *wsm_check_loop (lua_State *L, int i) {
  struct wsm_loop *loop = check_box(L, i)->loop;
  if (!loop) luaL_error(L, "the loop is closed");
  if (!wsm_loop_is_ours(loop)) wsm_fail_forked(L);
  return loop;
}

static int make (lua_State *L) {
  struct wsm_error e;
  struct box *box = wsm_newuserdata(L, sizeof *box);
  box->mark = &mark;
  box->loop = NULL;
  luaL_setmetatable(L, LOOP);
  box->loop = wsm_loop_new(&e);
  return box->loop ? 1 : wsm_fail(L, &e);
}

/* Seconds; -1 for nil and what is negative. */
static int64_t to_ms (lua_State *L, int i) {
  const lua_Number seconds = luaL_optnumber(L, i, -1);
  if (seconds < 0) return -1;
  return seconds > 1e9 ? (int64_t)1e12 : (int64_t)ceil(seconds * 1000);
}

static int turn (lua_State *L) {
  struct wsm_loop *loop = wsm_check_loop(L, 1);
  wsm_loop_turn(loop, to_ms(L, 2));
  return 0;
}

static int push_ready (lua_State *L, struct wsm_loop *loop) {
  int64_t id = wsm_loop_ready(loop);
  if (id == 0) return 0;
  lua_pushinteger(L, (lua_Integer)id);
  return 1;
}

static int ready (lua_State *L) {
  return push_ready(L, wsm_check_loop(L, 1));
}

/* cork(true), turn and ready in one call: how a round of the scheduler begins. */
static int begin (lua_State *L) {
  struct wsm_loop *loop = wsm_check_loop(L, 1);
  wsm_loop_cork(loop, true);
  wsm_loop_turn(loop, to_ms(L, 2));
  return push_ready(L, loop);
}

static int fd (lua_State *L) {
  const int number = wsm_loop_fd(wsm_check_loop(L, 1));
  if (number < 0) return 0;
  lua_pushinteger(L, number);
  return 1;
}

/* loop:due([seconds]): when what Lua has to do is due, of the clock of core.now; nil:
** there is nothing. A millisecond too early would be a turn for nothing, and another
** one until it is over. */
static int due (lua_State *L) {
  const int64_t at_ms = to_ms(L, 2);
  wsm_loop_due(wsm_check_loop(L, 1), at_ms < 0 ? WSM_NEVER : (uint64_t)at_ms);
  return 0;
}

static int timeout (lua_State *L) {
  int64_t ms = wsm_loop_timeout(wsm_check_loop(L, 1));
  if (ms < 0) return 0;
  lua_pushnumber(L, (lua_Number)ms / 1000);
  return 1;
}

/* How many forks this process is away from the first one. */
static int forks (lua_State *L) {
  check_box(L, 1);
  lua_pushinteger(L, (lua_Integer)wsm_fork_count);
  return 1;
}

static int check (lua_State *L) {
  wsm_check_loop(L, 1);
  return 0;
}

static int cork (lua_State *L) {
  wsm_loop_cork(wsm_check_loop(L, 1), lua_toboolean(L, 2));
  return 0;
}

/* loop:freeze(frozen): the clock of this Lua state stands still, or runs again */
static int freeze (lua_State *L) {
  struct wsm_loop *loop = wsm_check_loop(L, 1);
  struct wsm_test_clock *clock;
  lua_getfield(L, LUA_REGISTRYINDEX, WSM_CLOCK);
  clock = lua_touserdata(L, -1);
  wsm_clock_freeze(clock, lua_toboolean(L, 2));
  wsm_loop_set_clock(loop, clock);
  (void)wsm_loop_refresh(loop);
  return 0;
}

static int counters (lua_State *L) {
  const struct wsm_loop_counters *c = wsm_loop_counters(wsm_check_loop(L, 1));
  lua_createtable(L, 0, 4);
  wsm_set_count(L, "turns", c->turns);
  wsm_set_count(L, "polls", c->polls);
  wsm_set_count(L, "reads", c->reads);
  wsm_set_count(L, "writes", c->writes);
  return 1;
}

static int close_loop (lua_State *L) {
  struct box *box = check_box(L, 1);
  struct wsm_loop *loop = box->loop;
  box->loop = NULL;
  if (loop) wsm_loop_free(loop);
  return 0;
}

static const luaL_Reg methods[] = {
  { "turn", turn },     { "begin", begin },       { "ready", ready },
  { "fd", fd },         { "timeout", timeout },   { "due", due },
  { "cork", cork },     { "counters", counters }, { "check", check },
  { "freeze", freeze }, { "forks", forks },       { "close", close_loop },
  { NULL, NULL }
};

/* Not const: Lua takes the address of what may be changed. */
static struct wsm_lua_guests guests = { &wsm_guest_table, wsm_check_loop };

void wsm_push_loop (lua_State *L) {
  static const struct wsm_class class = { LOOP, methods, close_loop, make };
  lua_pushlightuserdata(L, &guests);
  lua_setfield(L, LUA_REGISTRYINDEX, WSM_GUESTS);
  wsm_push_class(L, &class);
}
