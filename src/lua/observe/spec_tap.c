#include "lua/observe/spec_tap.h"

#include "lua/lclass.h"
#include "observe/observer.h"
#include "observe/tap.h"
#include "base/hidden.h"

#define TAP "wsmanager.protocol.tap"

struct box {
  struct wsm_journal *journal;
};

static struct wsm_journal *check (lua_State *L) {
  return ((struct box *)luaL_checkudata(L, 1, TAP))->journal;
}

/* tap(keep, limit): one that begins with heads */
static int make (lua_State *L) {
  const uint32_t keep = (uint32_t)luaL_checkinteger(L, 1);
  const size_t limit = (size_t)luaL_optinteger(L, 2, 1 << 20);
  struct box *box = wsm_newuserdata(L, sizeof *box);
  box->journal = NULL;
  luaL_setmetatable(L, TAP);
  if (!wsm_observer_set(&box->journal, true, keep))
    return luaL_error(L, "not enough memory");
  box->journal->limit = limit;
  return 1;
}

/* tap:feed("in"|"out", bytes, now) */
static int feed (lua_State *L) {
  static const char *const directions[] = { "in", "out", NULL };
  struct wsm_journal *j = check(L);
  struct wsm_tap_bytes fed;
  fed.direction =
    (enum wsm_tap_direction)luaL_checkoption(L, 2, NULL, directions);
  fed.bytes = (const unsigned char *)luaL_checklstring(L, 3, &fed.n);
  fed.now_ms = (uint64_t)luaL_optinteger(L, 4, 1);
  wsm_tap_feed(j->tap, j, &fed);
  return 0;
}

/* tap:skip("in"|"out", rest): in the middle of a connection */
static int skip (lua_State *L) {
  static const char *const directions[] = { "in", "out", NULL };
  const int direction = luaL_checkoption(L, 2, NULL, directions);
  wsm_tap_skip(check(L)->tap, (enum wsm_tap_direction)direction,
               (uint64_t)luaL_checkinteger(L, 3));
  return 0;
}

/* tap:note() -> kind (a number), a, b, text, milliseconds of the oldest */
static int take_note (lua_State *L) {
  struct wsm_journal *j = check(L);
  const unsigned char *text;
  struct wsm_note note;
  if (!wsm_journal_first(j, &note, &text)) return 0;
  lua_pushinteger(L, note.kind);
  lua_pushnumber(L, (lua_Number)note.a);
  lua_pushnumber(L, (lua_Number)note.b);
  lua_pushlstring(L, (const char *)text, note.length);
  lua_pushnumber(L, (lua_Number)note.at_ms);
  wsm_journal_pop(j);
  return 5;
}

static int free_tap (lua_State *L) {
  struct box *box = luaL_checkudata(L, 1, TAP);
  wsm_observer_set(&box->journal, false, 0);
  return 0;
}

static const luaL_Reg methods[] = {
  { "feed", feed }, { "skip", skip }, { "note", take_note }, { NULL, NULL }
};

void wsm_set_tap (lua_State *L) {
  static const struct wsm_class class = { TAP, methods, free_tap, make };
  lua_getfield(L, -1, "protocol");
  wsm_push_class(L, &class);
  lua_setfield(L, -2, "tap");
  lua_pop(L, 1);
}
