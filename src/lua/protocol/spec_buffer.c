#include "lua/protocol/lprotocol.h"

#include <string.h>
#include "base/buffer.h"
#include "lua/lclass.h"
#include "base/hidden.h"

#define BUFFER "wsmanager.buffer"

/* A buffer on a pool of its own. */
struct box {
  struct wsm_buffer buffer;
  struct wsm_pool pool;
};

static struct wsm_buffer *check_buffer (lua_State *L) {
  struct box *box = luaL_checkudata(L, 1, BUFFER);
  return &box->buffer;
}

/* buffer() -> userdata, empty, on a pool of its own */
static int buffer_new (lua_State *L) {
  struct box *box = lua_newuserdata(L, sizeof *box);
  memset(box, 0, sizeof *box);
  box->buffer.pool = &box->pool;
  luaL_setmetatable(L, BUFFER);
  return 1;
}

static int buffer_gc (lua_State *L) {
  struct box *box = luaL_checkudata(L, 1, BUFFER);
  wsm_buffer_clear(&box->buffer);
  wsm_pool_free(&box->pool);
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
