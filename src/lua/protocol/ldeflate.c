#include "lua/protocol/lprotocol.h"

#include <string.h>
#include "lua/lclass.h"
#include "lua/lconfig.h"
#include "lua/lfail.h"
#include "lua/lfield.h"
#include "lua/protocol/ltext.h"
#include "websocket/extension.h"
#include "base/hidden.h"

#define DEFLATE "wsmanager.deflate"

/* One connection's compression, alone. */
struct box {
  struct wsm_deflate deflate;
  struct wsm_buffer to; /* compressed bytes, until Lua has them */
};

static struct box *check (lua_State *L) {
  return luaL_checkudata(L, 1, DEFLATE);
}

/* deflate([options with `limit`]) -> userdata; `eight`: windows of 8 bits,
** which a peer may require but a user may not */
static int deflate_new (lua_State *L) {
  struct wsm_compression c;
  lua_Number limit = 16 << 20;
  struct box *box;
  lua_settop(L, 1);
  wsm_config_compression(L, 1, &c);
  if (!lua_isnil(L, 1)) {
    limit = wsm_config_count(L, 1, "limit", limit);
    lua_getfield(L, 1, "eight");
    if (lua_toboolean(L, -1)) c.window = c.peer_window = 8;
  }
  box = lua_newuserdata(L, sizeof *box);
  memset(box, 0, sizeof *box);
  box->deflate.agreed = c;
  box->deflate.limit = (uint64_t)limit;
  luaL_setmetatable(L, DEFLATE);
  return 1;
}

/* deflate:free(), also __gc */
static int deflate_free (lua_State *L) {
  struct box *box = check(L);
  wsm_deflate_clear(&box->deflate);
  wsm_buffer_clear(&box->to);
  return 0;
}

/* deflate:append(message) -> bytes | nil: no memory */
static int deflate_append (lua_State *L) {
  struct box *box = check(L);
  size_t n;
  const char *message = luaL_checklstring(L, 2, &n);
  wsm_buffer_clear(&box->to);
  if (!wsm_deflate_append(&box->deflate, &box->to, message, n)) return 0;
  wsm_push_bytes(L, &box->to);
  return 1;
}

/* Returns true | nil, why. */
static int return_result (lua_State *L, enum wsm_inflated inflated) {
  static const char *const why[] = { "", "corrupt", "too big", "no memory" };
  if (inflated == WSM_INFLATED) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, why[inflated]);
  return 2;
}

/* deflate:inflate(bytes) -> true | nil, why */
static int deflate_inflate (lua_State *L) {
  struct box *box = check(L);
  size_t n;
  const char *bytes = luaL_checklstring(L, 2, &n);
  return return_result(
    L, wsm_deflate_inflate(&box->deflate, (const unsigned char *)bytes, n));
}

/* deflate:finish() -> message | nil, why */
static int deflate_finish (lua_State *L) {
  struct wsm_deflate *d = &check(L)->deflate;
  const enum wsm_inflated inflated = wsm_deflate_finish(d);
  const char *bytes = (const char *)wsm_buffer_bytes(&d->message);
  if (inflated != WSM_INFLATED) return return_result(L, inflated);
  lua_pushlstring(L, bytes ? bytes : "", wsm_buffer_length(&d->message));
  wsm_deflate_pop(d);
  return 1;
}

/* deflate:room() -> bytes of the block that a message gathers in */
static int deflate_room (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check(L)->deflate.message.size);
  return 1;
}

static const luaL_Reg methods[] = {
  { "append", deflate_append }, { "inflate", deflate_inflate },
  { "finish", deflate_finish }, { "room", deflate_room },
  { "free", deflate_free },     { NULL, NULL }
};

/* --- negotiation --- */

static int push_agreed (lua_State *L, const struct wsm_compression *c) {
  lua_createtable(L, 0, 4);
  wsm_set_integer(L, "window", c->window);
  wsm_set_integer(L, "peer_window", c->peer_window);
  wsm_set_boolean(L, "takeover", c->takeover);
  wsm_set_boolean(L, "peer_takeover", c->peer_takeover);
  return 1;
}

/* Returns false: no compression | nil, token, detail. */
static int return_none (lua_State *L, int found, const struct wsm_error *e) {
  if (found < 0) return wsm_fail(L, e);
  lua_pushboolean(L, 0);
  return 1;
}

/* deflateoffer([options]) -> text */
static int offer (lua_State *L) {
  struct wsm_compression want;
  char text[WSM_EXTENSION_TEXT];
  wsm_config_compression(L, 1, &want);
  wsm_extension_offer(text, &want);
  lua_pushstring(L, text);
  return 1;
}

/* deflatecheck(extensions[, options]) -> agreed | false | nil, token, detail */
static int check_response (lua_State *L) {
  struct wsm_compression want, agreed;
  struct wsm_span extensions;
  struct wsm_error e;
  int found;
  extensions.text = luaL_checklstring(L, 1, &extensions.length);
  wsm_config_compression(L, 2, &want);
  found = wsm_extension_check_response(extensions, &want, &agreed, &e);
  return found > 0 ? push_agreed(L, &agreed) : return_none(L, found, &e);
}

/* deflatechoose(request[, options]) -> agreed, extensions | false | nil, token,
** detail; request is the whole head */
static int choose (lua_State *L) {
  struct wsm_compression want, agreed;
  struct wsm_head head;
  struct wsm_error e;
  char to[WSM_EXTENSION_TEXT];
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  int found;
  wsm_config_compression(L, 2, &want);
  luaL_argcheck(L, wsm_head_parse_request(&head, text, n, &e) > 0, 1,
                "not a request");
  found = wsm_extension_choose(&head, &want, &agreed, to, &e);
  if (found <= 0) return return_none(L, found, &e);
  push_agreed(L, &agreed);
  lua_pushstring(L, to);
  return 2;
}

static const luaL_Reg functions[] = { { "deflateoffer", offer },
                                      { "deflatecheck", check_response },
                                      { "deflatechoose", choose },
                                      { NULL, NULL } };

void wsm_set_deflate (lua_State *L) {
  const struct wsm_class class = { DEFLATE, methods, deflate_free,
                                   deflate_new };
  luaL_setfuncs(L, functions, 0);
  wsm_push_class(L, &class);
  lua_setfield(L, -2, "deflate");
}
