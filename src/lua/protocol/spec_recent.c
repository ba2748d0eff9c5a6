#include "lua/protocol/lprotocol.h"

#include <string.h>
#include "base/ids.h"
#include "lua/lclass.h"
#include "base/rate.h"
#include "base/hidden.h"

#define RATE "wsmanager.rate"
#define IDS "wsmanager.ids"

/* --- rate.h --- */

static struct wsm_rate *check_rate (lua_State *L) {
  return luaL_checkudata(L, 1, RATE);
}

static uint64_t check_time (lua_State *L, int i) {
  return (uint64_t)luaL_checkinteger(L, i);
}

/* rate(limit, per) -> userdata; milliseconds here and below */
static int rate_new (lua_State *L) {
  struct wsm_rate *r = lua_newuserdata(L, sizeof *r);
  memset(r, 0, sizeof *r);
  r->limit = (uint32_t)luaL_checkinteger(L, 1);
  r->per_ms = (uint32_t)luaL_checkinteger(L, 2);
  luaL_setmetatable(L, RATE);
  return 1;
}

static int rate_gc (lua_State *L) {
  wsm_rate_clear(check_rate(L));
  return 0;
}

/* rate:next(now, reserve) -> time */
static int rate_next (lua_State *L) {
  const uint32_t reserve = (uint32_t)luaL_optinteger(L, 3, 0);
  const uint64_t next_ms =
    wsm_rate_next(check_rate(L), reserve, check_time(L, 2));
  lua_pushinteger(L, (lua_Integer)next_ms);
  return 1;
}

/* rate:room(now) -> how many more */
static int rate_room (lua_State *L) {
  lua_pushinteger(L, wsm_rate_room(check_rate(L), check_time(L, 2)));
  return 1;
}

/* rate:note(now) -> boolean: false without memory */
static int rate_note (lua_State *L) {
  lua_pushboolean(L, wsm_rate_note(check_rate(L), check_time(L, 2)));
  return 1;
}

/* rate:move(n, now) */
static int rate_move (lua_State *L) {
  wsm_rate_move(check_rate(L), (uint32_t)luaL_checkinteger(L, 2),
                check_time(L, 3));
  return 0;
}

static int rate_undo (lua_State *L) {
  wsm_rate_undo(check_rate(L), (uint32_t)luaL_checkinteger(L, 2));
  return 0;
}

static int rate_clear (lua_State *L) {
  return rate_gc(L);
}

static const luaL_Reg rate_methods[] = {
  { "next", rate_next }, { "room", rate_room }, { "note", rate_note },
  { "move", rate_move }, { "undo", rate_undo }, { "clear", rate_clear },
  { NULL, NULL },
};

void wsm_push_rate (lua_State *L) {
  const struct wsm_class class = { RATE, rate_methods, rate_gc, rate_new };
  wsm_push_class(L, &class);
}

/* --- ids.h --- */

static struct wsm_ids *check_ids (lua_State *L) {
  return luaL_checkudata(L, 1, IDS);
}

/* ids(limit) -> userdata */
static int ids_new (lua_State *L) {
  struct wsm_ids *ids = lua_newuserdata(L, sizeof *ids);
  memset(ids, 0, sizeof *ids);
  ids->limit = (uint32_t)luaL_checkinteger(L, 1);
  luaL_setmetatable(L, IDS);
  return 1;
}

static int ids_clear (lua_State *L) {
  wsm_ids_clear(check_ids(L));
  return 0;
}

static int ids_has (lua_State *L) {
  size_t n;
  const char *id = luaL_checklstring(L, 2, &n);
  lua_pushboolean(L, wsm_ids_has(check_ids(L), id, n));
  return 1;
}

/* ids:add(id) -> boolean: false without memory */
static int ids_add (lua_State *L) {
  size_t n;
  const char *id = luaL_checklstring(L, 2, &n);
  luaL_argcheck(L, n > 0 && n <= WSM_ID_LIMIT, 2, "1 to 128 bytes");
  lua_pushboolean(L, wsm_ids_add(check_ids(L), id, n));
  return 1;
}

static const luaL_Reg ids_methods[] = {
  { "has", ids_has },
  { "add", ids_add },
  { "clear", ids_clear },
  { NULL, NULL },
};

void wsm_push_ids (lua_State *L) {
  const struct wsm_class class = { IDS, ids_methods, ids_clear, ids_new };
  wsm_push_class(L, &class);
}
