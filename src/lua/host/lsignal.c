#include "lua/host/lsignal.h"

#include "io/signal.h"
#include "lua/lclass.h"
#include "lua/lfail.h"
#include "lua/lloop.h"
#include "base/hidden.h"

#define SIGNAL "wsmanager.signal"

struct box {
  struct wsm_signal *signal; /* NULL: closed */
};

static int check_number (lua_State *L, int i) {
  const char *name = luaL_checkstring(L, i);
  const int number = wsm_signal_number(name);
  if (number == 0) luaL_error(L, "unknown signal '%s'", name);
  return number;
}

/* signal(loop, name, once) -> watch | nil, token, detail */
static int make (lua_State *L) {
  struct wsm_loop *loop = wsm_check_loop(L, 1);
  const int number = check_number(L, 2);
  struct box *box = wsm_newuserdata(L, sizeof *box);
  struct wsm_error e;
  box->signal = NULL;
  luaL_setmetatable(L, SIGNAL);
  box->signal = wsm_signal_new(loop, number, lua_toboolean(L, 3), &e);
  return box->signal ? 1 : wsm_fail(L, &e);
}

static struct wsm_signal *check_signal (lua_State *L) {
  struct box *box = luaL_checkudata(L, 1, SIGNAL);
  if (!box->signal) luaL_error(L, "the signal is not watched any more");
  return box->signal;
}

static int id (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)wsm_signal_id(check_signal(L)));
  return 1;
}

static int take (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)wsm_signal_take(check_signal(L)));
  return 1;
}

static int rest (lua_State *L) {
  wsm_signal_rest(check_signal(L), lua_toboolean(L, 2));
  return 0;
}

static int close_signal (lua_State *L) {
  struct box *box = luaL_checkudata(L, 1, SIGNAL);
  struct wsm_signal *signal = box->signal;
  box->signal = NULL;
  if (signal) wsm_signal_close(signal);
  return 0;
}

/* obey(name): the signal does what it does by default */
static int obey (lua_State *L) {
  wsm_signal_obey(check_number(L, 1));
  return 0;
}

void wsm_set_signals (lua_State *L) {
  static const luaL_Reg methods[] = { { "id", id },
                                      { "take", take },
                                      { "rest", rest },
                                      { "close", close_signal },
                                      { NULL, NULL } };
  static const struct wsm_class class = { SIGNAL, methods, close_signal, make };
  wsm_push_class(L, &class);
  lua_setfield(L, -2, "signal");
  lua_pushcfunction(L, obey);
  lua_setfield(L, -2, "obey");
}
