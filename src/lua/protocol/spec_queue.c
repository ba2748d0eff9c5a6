#include "lua/protocol/lprotocol.h"

#include <string.h>
#include "lua/lclass.h"
#include "manager/message_queue.h"
#include "base/hidden.h"

#define QUEUE "wsmanager.queue"

static struct wsm_message_queue *check (lua_State *L, int i) {
  return luaL_checkudata(L, i, QUEUE);
}

/* queue() -> userdata, empty */
static int construct (lua_State *L) {
  struct wsm_message_queue *q = wsm_newuserdata(L, sizeof *q);
  memset(q, 0, sizeof *q);
  luaL_setmetatable(L, QUEUE);
  return 1;
}

static uint64_t number_field (lua_State *L, int i, const char *name,
                              uint64_t absent) {
  uint64_t number = absent;
  lua_getfield(L, i, name);
  if (!lua_isnil(L, -1)) number = (uint64_t)lua_tonumber(L, -1);
  lua_pop(L, 1);
  return number;
}

/* q:push(data, binary, { expires, number, id, volatile }) -> boolean: false
** without memory */
static int push (lua_State *L) {
  struct wsm_terms terms = WSM_NO_TERMS;
  const struct wsm_terms *given = NULL;
  struct wsm_message m;
  size_t n = 0;
  m.data = (const unsigned char *)luaL_checklstring(L, 2, &m.length);
  m.binary = lua_toboolean(L, 3);
  if (lua_istable(L, 4)) {
    given = &terms;
    terms.expires_ms = number_field(L, 4, "expires", WSM_NEVER);
    terms.number = number_field(L, 4, "number", 0);
    lua_getfield(L, 4, "volatile");
    terms.is_volatile = lua_toboolean(L, -1);
    lua_getfield(L, 4, "id");
    terms.id = (const unsigned char *)lua_tolstring(L, -1, &n);
    terms.id_length = (uint8_t)n;
  }
  lua_pushboolean(L, wsm_message_queue_push(check(L, 1), &m, given));
  return 1;
}

/* q:terms() -> expires | nil, number, id, volatile: of the first */
static int terms (lua_State *L) {
  struct wsm_terms t;
  wsm_message_queue_terms(check(L, 1), 0, &t);
  if (t.expires_ms == WSM_NEVER) lua_pushnil(L);
  else lua_pushinteger(L, (lua_Integer)t.expires_ms);
  lua_pushinteger(L, (lua_Integer)t.number);
  lua_pushlstring(L, (const char *)t.id, t.id_length);
  lua_pushboolean(L, t.is_volatile);
  return 4;
}

/* q:expire(now) -> messages, bytes, next time | nil */
static int expire (lua_State *L) {
  struct wsm_removed removed;
  const uint64_t next_ms = wsm_message_queue_expire(
    check(L, 1), (uint64_t)luaL_checknumber(L, 2), &removed);
  lua_pushinteger(L, (lua_Integer)removed.count);
  lua_pushinteger(L, (lua_Integer)removed.payload);
  if (next_ms == WSM_NEVER) lua_pushnil(L);
  else lua_pushinteger(L, (lua_Integer)next_ms);
  return 3;
}

/* q:first() -> data, binary; nil when it is empty */
static int first (lua_State *L) {
  struct wsm_message m;
  if (!wsm_message_queue_first(check(L, 1), &m)) return 0;
  lua_pushlstring(L, (const char *)m.data, m.length);
  lua_pushboolean(L, m.binary);
  return 2;
}

static int pop (lua_State *L) {
  wsm_message_queue_pop(check(L, 1));
  return 0;
}

/* q:prepend(front) -> boolean: false without memory */
static int prepend (lua_State *L) {
  lua_pushboolean(L, wsm_message_queue_prepend(check(L, 1), check(L, 2)));
  return 1;
}

static int clear (lua_State *L) {
  wsm_message_queue_clear(check(L, 1));
  return 0;
}

/* q:size() -> messages, bytes of payload */
static int size (lua_State *L) {
  const struct wsm_message_queue *q = check(L, 1);
  lua_pushinteger(L, (lua_Integer)q->count);
  lua_pushinteger(L, (lua_Integer)q->payload);
  return 2;
}

static const luaL_Reg methods[] = { { "push", push },   { "first", first },
                                    { "pop", pop },     { "prepend", prepend },
                                    { "clear", clear }, { "size", size },
                                    { "terms", terms }, { "expire", expire },
                                    { NULL, NULL } };

void wsm_push_queue (lua_State *L) {
  static const struct wsm_class class = { QUEUE, methods, clear, construct };
  wsm_push_class(L, &class);
}
