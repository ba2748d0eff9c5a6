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

/* q:push(data, binary) -> boolean: false without memory */
static int push (lua_State *L) {
  struct wsm_message m;
  m.data = (const unsigned char *)luaL_checklstring(L, 2, &m.length);
  m.binary = lua_toboolean(L, 3);
  lua_pushboolean(L, wsm_message_queue_push(check(L, 1), &m));
  return 1;
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
                                    { NULL, NULL } };

void wsm_push_queue (lua_State *L) {
  static const struct wsm_class class = { QUEUE, methods, clear, construct };
  wsm_push_class(L, &class);
}
