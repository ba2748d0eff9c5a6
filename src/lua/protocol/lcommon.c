#include "lua/protocol/lparts.h"

#include "base/buffer.h"
#include "base/heap.h"

#define BUFFER "wsmanager.buffer"
#define HEAP "wsmanager.heap"

/* --- a buffer and its pool --- */

struct store {
  struct wsm_buffer buffer;
  struct wsm_pool pool;
};

static struct wsm_buffer *check_buffer (lua_State *L) {
  struct store *store = luaL_checkudata(L, 1, BUFFER);
  return &store->buffer;
}

/* buffer() -> userdata, empty, on a pool of its own */
static int buffer_new (lua_State *L) {
  struct store *store = lua_newuserdata(L, sizeof *store);
  memset(store, 0, sizeof *store);
  store->buffer.pool = &store->pool;
  luaL_setmetatable(L, BUFFER);
  return 1;
}

static int buffer_gc (lua_State *L) {
  struct store *store = luaL_checkudata(L, 1, BUFFER);
  wsm_buffer_clear(&store->buffer);
  wsm_pool_free(&store->pool);
  return 0;
}

/* buffer:append(bytes) -> boolean: false without memory */
static int buffer_append (lua_State *L) {
  size_t n;
  struct wsm_buffer *b = check_buffer(L);
  const char *bytes = luaL_checklstring(L, 2, &n);
  lua_pushboolean(L, wsm_buffer_append(b, bytes, n));
  return 1;
}

static int buffer_consume (lua_State *L) {
  struct wsm_buffer *b = check_buffer(L);
  const lua_Integer n = luaL_checkinteger(L, 2);
  luaL_argcheck(L, n >= 0 && (size_t)n <= wsm_buffer_length(b), 2,
                "more than there is");
  wsm_buffer_consume(b, (size_t)n);
  return 0;
}

static int buffer_trim (lua_State *L) {
  wsm_buffer_trim(check_buffer(L));
  return 0;
}

static int buffer_clear (lua_State *L) {
  wsm_buffer_clear(check_buffer(L));
  return 0;
}

/* buffer:bytes() -> what it holds */
static int buffer_bytes (lua_State *L) {
  const struct wsm_buffer *b = check_buffer(L);
  const char *bytes = (const char *)wsm_buffer_bytes(b);
  lua_pushlstring(L, bytes ? bytes : "", wsm_buffer_length(b));
  return 1;
}

/* buffer:sizes() -> bytes of its block, spare bytes of the pool */
static int buffer_sizes (lua_State *L) {
  const struct wsm_buffer *b = check_buffer(L);
  lua_pushinteger(L, (lua_Integer)b->size);
  lua_pushinteger(L, (lua_Integer)b->pool->bytes);
  return 2;
}

static const luaL_Reg buffer_methods[] = {
  { "append", buffer_append },
  { "consume", buffer_consume },
  { "trim", buffer_trim },
  { "clear", buffer_clear },
  { "bytes", buffer_bytes },
  { "sizes", buffer_sizes },
  { NULL, NULL },
};

void wsm_push_buffer (lua_State *L) {
  const struct wsm_class class = { BUFFER, buffer_methods, buffer_gc,
                                   buffer_new };
  wsm_push_class(L, &class);
}

/* --- a heap with a fixed number of timers, 1 to n --- */

struct clocks {
  struct wsm_heap heap;
  size_t count;
  struct wsm_timer timers[1];
};

static struct wsm_timer *check_timer (lua_State *L, struct clocks *c) {
  const lua_Integer i = luaL_checkinteger(L, 2);
  luaL_argcheck(L, i >= 1 && (size_t)i <= c->count, 2, "no such timer");
  return &c->timers[i - 1];
}

/* heap(n) -> userdata with n timers, none set */
static int heap_new (lua_State *L) {
  const lua_Integer n = luaL_checkinteger(L, 1);
  struct clocks *c;
  size_t size;
  luaL_argcheck(L, n >= 1 && n <= 1000000, 1, "1 to 1000000 timers");
  size = sizeof *c + (size_t)(n - 1) * sizeof c->timers[0];
  c = lua_newuserdata(L, size);
  memset(c, 0, size);
  c->count = (size_t)n;
  luaL_setmetatable(L, HEAP);
  return 1;
}

static int heap_gc (lua_State *L) {
  struct clocks *c = luaL_checkudata(L, 1, HEAP);
  wsm_heap_free(&c->heap);
  return 0;
}

/* heap:set(i, deadline) -> boolean: false without memory; nil: never */
static int heap_set (lua_State *L) {
  struct clocks *c = luaL_checkudata(L, 1, HEAP);
  struct wsm_timer *t = check_timer(L, c);
  uint64_t deadline = WSM_NEVER;
  if (!lua_isnoneornil(L, 3)) deadline = (uint64_t)luaL_checkinteger(L, 3);
  lua_pushboolean(L, wsm_heap_set(&c->heap, t, deadline));
  return 1;
}

static int heap_remove (lua_State *L) {
  struct clocks *c = luaL_checkudata(L, 1, HEAP);
  wsm_heap_remove(&c->heap, check_timer(L, c));
  return 0;
}

/* heap:first() -> i, deadline of the earliest; nil when none is set */
static int heap_first (lua_State *L) {
  const struct clocks *c = luaL_checkudata(L, 1, HEAP);
  const struct wsm_timer *t = wsm_heap_first(&c->heap);
  if (!t) return 0;
  lua_pushinteger(L, t - c->timers + 1);
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
