#include "lua/protocol/lprotocol.h"

#include <string.h>
#include "base/heap.h"
#include "lua/lclass.h"
#include "base/hidden.h"

#define HEAP "wsmanager.heap"

/* A heap with a fixed number of timers, 1 to n. */
struct box {
  struct wsm_heap heap;
  size_t count;
  struct wsm_timer timers[1];
};

static struct wsm_timer *check_timer (lua_State *L, struct box *box) {
  const lua_Integer i = luaL_checkinteger(L, 2);
  luaL_argcheck(L, i >= 1 && (size_t)i <= box->count, 2, "no such timer");
  return &box->timers[i - 1];
}

/* heap(n) -> userdata with n timers, none set */
static int heap_new (lua_State *L) {
  const lua_Integer n = luaL_checkinteger(L, 1);
  struct box *box;
  size_t size;
  luaL_argcheck(L, n >= 1 && n <= 1000000, 1, "1 to 1000000 timers");
  size = sizeof *box + (size_t)(n - 1) * sizeof box->timers[0];
  box = lua_newuserdata(L, size);
  memset(box, 0, size);
  box->count = (size_t)n;
  luaL_setmetatable(L, HEAP);
  return 1;
}

static int heap_gc (lua_State *L) {
  struct box *box = luaL_checkudata(L, 1, HEAP);
  wsm_heap_free(&box->heap);
  return 0;
}

/* heap:set(i, deadline) -> boolean: false without memory; nil: never */
static int heap_set (lua_State *L) {
  struct box *box = luaL_checkudata(L, 1, HEAP);
  struct wsm_timer *t = check_timer(L, box);
  uint64_t deadline = WSM_NEVER;
  if (!lua_isnoneornil(L, 3)) deadline = (uint64_t)luaL_checkinteger(L, 3);
  lua_pushboolean(L, wsm_heap_set(&box->heap, t, deadline));
  return 1;
}

static int heap_remove (lua_State *L) {
  struct box *box = luaL_checkudata(L, 1, HEAP);
  wsm_heap_remove(&box->heap, check_timer(L, box));
  return 0;
}

/* heap:first() -> i, deadline of the earliest; nil when none is set */
static int heap_first (lua_State *L) {
  const struct box *box = luaL_checkudata(L, 1, HEAP);
  const struct wsm_timer *t = wsm_heap_first(&box->heap);
  if (!t) return 0;
  lua_pushinteger(L, t - box->timers + 1);
  lua_pushinteger(L, (lua_Integer)t->deadline_ms);
  return 2;
}

static const luaL_Reg heap_methods[] = {
  { "set", heap_set },
  { "remove", heap_remove },
  { "first", heap_first },
  { NULL, NULL },
};

void wsm_push_heap (lua_State *L) {
  const struct wsm_class class = { HEAP, heap_methods, heap_gc, heap_new };
  wsm_push_class(L, &class);
}
