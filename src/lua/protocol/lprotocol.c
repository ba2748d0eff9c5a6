#include "lua/module.h"

#include <string.h>

#include "lua/protocol/lparts.h"
#include "websocket/frame.h"
#include "websocket/mask.h"
#include "base/utf8.h"

#define STREAM "wsmanager.utf8stream"

static const unsigned char *check_bytes (lua_State *L, int i, size_t *n) {
  return (const unsigned char *)luaL_checklstring(L, i, n);
}

static const unsigned char *check_key (lua_State *L, int i) {
  size_t n;
  const unsigned char *key = check_bytes(L, i, &n);
  luaL_argcheck(L, n == WSM_KEY_SIZE, i, "a key of 4 bytes expected");
  return key;
}

/* mask(bytes, key[, phase]) -> bytes */
static int mask (lua_State *L) {
  size_t n;
  const unsigned char *bytes = check_bytes(L, 1, &n);
  const unsigned char *key = check_key(L, 2);
  const lua_Integer phase = luaL_optinteger(L, 3, 0);
  unsigned char *to = lua_newuserdata(L, n ? n : 1);
  if (n) memcpy(to, bytes, n);
  wsm_mask(to, n, key, (unsigned)(phase & 3));
  lua_pushlstring(L, (const char *)to, n);
  return 1;
}

/* utf8(bytes) -> boolean */
static int utf8 (lua_State *L) {
  size_t n;
  const unsigned char *bytes = check_bytes(L, 1, &n);
  lua_pushboolean(L, wsm_utf8_valid(bytes, n));
  return 1;
}

static int stream_new (lua_State *L) {
  struct wsm_utf8 *u = lua_newuserdata(L, sizeof *u);
  memset(u, 0, sizeof *u);
  luaL_setmetatable(L, STREAM);
  return 1;
}

/* stream:feed(bytes) -> boolean */
static int stream_feed (lua_State *L) {
  struct wsm_utf8 *u = luaL_checkudata(L, 1, STREAM);
  size_t n;
  const unsigned char *bytes = check_bytes(L, 2, &n);
  lua_pushboolean(L, wsm_utf8_feed(u, bytes, n));
  return 1;
}

static int stream_whole (lua_State *L) {
  const struct wsm_utf8 *u = luaL_checkudata(L, 1, STREAM);
  lua_pushboolean(L, wsm_utf8_whole(u));
  return 1;
}

static const luaL_Reg stream_methods[] = {
  { "feed", stream_feed },
  { "whole", stream_whole },
  { NULL, NULL },
};

static const struct {
  const char *name;
  unsigned bit;
} bits[] = {
  { "fin", WSM_FIN },
  { "rsv1", WSM_RSV1 },
  { "rsv2", WSM_RSV2 },
  { "rsv3", WSM_RSV3 },
};

#define BITS (sizeof bits / sizeof *bits)

/* The bits that the options at i ask for; FIN unless they say false. */
static unsigned read_bits (lua_State *L, int i) {
  unsigned first = WSM_FIN;
  size_t k;
  for (k = 0; k < BITS; k++) {
    lua_getfield(L, i, bits[k].name);
    if (lua_toboolean(L, -1)) first |= bits[k].bit;
    else if (!lua_isnil(L, -1)) first &= ~bits[k].bit;
    lua_pop(L, 1);
  }
  return first;
}

/* frame(opcode, payload[, { fin, rsv1, rsv2, rsv3, mask }]) -> bytes */
static int frame (lua_State *L) {
  const lua_Integer opcode = luaL_checkinteger(L, 1);
  const unsigned char *key = NULL, *payload;
  unsigned first = WSM_FIN;
  unsigned char *to;
  size_t n, header;
  luaL_argcheck(L, opcode >= 0 && opcode <= 15, 1, "an opcode is 0 to 15");
  payload = check_bytes(L, 2, &n);
  lua_settop(L, 3);
  if (!lua_isnil(L, 3)) {
    luaL_checktype(L, 3, LUA_TTABLE);
    first = read_bits(L, 3);
    lua_getfield(L, 3, "mask"); /* stays: the key is in it */
    if (lua_toboolean(L, -1)) key = check_key(L, 4);
  }
  to = lua_newuserdata(L, n + WSM_FRAME_HEADER);
  header = wsm_frame_write(to, first | (unsigned)opcode, n, key);
  if (key) wsm_mask_copy(to + header, payload, n, key);
  else if (n) memcpy(to + header, payload, n);
  lua_pushlstring(L, (const char *)to, header + n);
  return 1;
}

static void push_frame (lua_State *L, const struct wsm_frame *f, int header) {
  size_t k;
  lua_createtable(L, 0, 8);
  for (k = 0; k < BITS; k++) {
    lua_pushboolean(L, (f->bits & bits[k].bit) != 0);
    lua_setfield(L, -2, bits[k].name);
  }
  lua_pushinteger(L, f->opcode);
  lua_setfield(L, -2, "opcode");
  lua_pushinteger(L, (lua_Integer)f->length);
  lua_setfield(L, -2, "length");
  lua_pushinteger(L, header);
  lua_setfield(L, -2, "header");
  if (!f->masked) return;
  lua_pushlstring(L, (const char *)f->key, sizeof f->key);
  lua_setfield(L, -2, "mask");
}

/* parse(bytes) -> table | nil (more is needed) | false, why */
static int parse (lua_State *L) {
  size_t n;
  const unsigned char *bytes = check_bytes(L, 1, &n);
  struct wsm_frame f;
  const int header = wsm_frame_parse(&f, bytes, n);
  if (header > 0) {
    push_frame(L, &f, header);
  } else if (header == 0) {
    lua_pushnil(L);
  } else {
    lua_pushboolean(L, 0);
    lua_pushliteral(L, "the length is not minimal, or too long");
    return 2;
  }
  return 1;
}

void wsm_push_class (lua_State *L, const struct wsm_class *c) {
  luaL_newmetatable(L, c->name);
  luaL_setfuncs(L, c->methods, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  if (c->gc) {
    lua_pushcfunction(L, c->gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_pop(L, 1);
  lua_pushcfunction(L, c->construct);
}

static const luaL_Reg functions[] = {
  { "mask", mask },   { "utf8", utf8 }, { "frame", frame },
  { "parse", parse }, { NULL, NULL },
};

void wsm_push_protocol (lua_State *L) {
  const struct wsm_class stream = { STREAM, stream_methods, NULL, stream_new };
  lua_createtable(L, 0, 16);
  luaL_setfuncs(L, functions, 0);
  wsm_push_class(L, &stream);
  lua_setfield(L, -2, "utf8stream");
  wsm_push_session(L);
  lua_setfield(L, -2, "session");
  wsm_push_deflate(L);
  wsm_push_buffer(L);
  lua_setfield(L, -2, "buffer");
  wsm_push_heap(L);
  lua_setfield(L, -2, "heap");
}
