#include "lua/protocol/lprotocol.h"

#include <string.h>
#include "lua/lfield.h"
#include "websocket/frame.h"
#include "websocket/mask.h"
#include "base/hidden.h"

static const unsigned char *check_bytes (lua_State *L, int i, size_t *n) {
  return (const unsigned char *)luaL_checklstring(L, i, n);
}

static const unsigned char *check_key (lua_State *L, int i) {
  size_t n;
  const unsigned char *key = check_bytes(L, i, &n);
  luaL_argcheck(L, n == WSM_KEY_SIZE, i, "a key of 4 bytes expected");
  return key;
}

/* mask(bytes, key[, offset]) -> bytes */
static int mask (lua_State *L) {
  size_t n;
  const unsigned char *bytes = check_bytes(L, 1, &n);
  const unsigned char *key = check_key(L, 2);
  const lua_Integer offset = luaL_optinteger(L, 3, 0);
  unsigned char *to = lua_newuserdata(L, n ? n : 1);
  if (n) memcpy(to, bytes, n);
  wsm_mask(to, n, key, (unsigned)(offset & 3));
  lua_pushlstring(L, (const char *)to, n);
  return 1;
}

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

/* FIN, but where `fin` is false, and the bits set in the options at i. */
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
  for (k = 0; k < BITS; k++)
    wsm_set_boolean(L, bits[k].name, (f->bits & bits[k].bit) != 0);
  wsm_set_integer(L, "opcode", f->opcode);
  wsm_set_count(L, "length", f->length);
  wsm_set_integer(L, "header", header);
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

static const luaL_Reg functions[] = {
  { "mask", mask }, { "frame", frame }, { "parse", parse }, { NULL, NULL }
};

void wsm_set_frames (lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
