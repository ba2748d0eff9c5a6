#include "lua/lbox.h"

#include <string.h>
#include "lua/lclass.h"
#include "base/hidden.h"

static const char mark; /* its address */

struct wsm_box *wsm_test_box (lua_State *L, int i) {
  return wsm_marked(L, i, &mark, sizeof(struct wsm_box));
}

struct wsm_box *wsm_check_any_box (lua_State *L, int i) {
  struct wsm_box *box = wsm_test_box(L, i);
  return box ? box : luaL_checkudata(L, i, WSM_CONNECTION); /* which raises */
}

struct wsm_box *wsm_check_box (lua_State *L, int i) {
  struct wsm_box *box = wsm_check_any_box(L, i);
  if (!wsm_box_link(box))
    luaL_error(L, "the connection was dropped, or its loop is closed");
  return box;
}

struct wsm_box *wsm_push_box (lua_State *L) {
  struct wsm_box *box = wsm_newuserdata(L, sizeof *box);
  memset(box, 0, sizeof *box);
  box->mark = &mark;
  luaL_setmetatable(L, WSM_CONNECTION);
  lua_newtable(L);
  lua_setuservalue(L, -2);
  return box;
}

/* Borrowed until the manager changes. */
static struct wsm_span text_of (const struct wsm_box *box,
                                enum wsm_box_text which) {
  struct wsm_span text = { "", 0 };
  struct wsm_link *link = wsm_box_link(box);
  const struct wsm_manager *m = link ? wsm_link_manager(link) : NULL;
  if (!m) return text;
  switch (which) {
    case WSM_BOX_PROTOCOL:
      return m->agreed.protocol;
    case WSM_BOX_EXTENSIONS:
      return m->agreed.extensions;
    case WSM_BOX_HEAD:
      text.text = (const char *)wsm_buffer_bytes(&m->head_text);
      text.length = wsm_buffer_length(&m->head_text);
      break;
  }
  return text;
}

/* Without an allocation between looking at the text and copying it. */
void wsm_push_text_of (lua_State *L, const struct wsm_box *box,
                       enum wsm_box_text which) {
  struct wsm_span text = text_of(box, which);
  char *copy;
  size_t n;
  if (!WSM_PUSHLSTRING_MAY_GC || text.length == 0) {
    lua_pushlstring(L, text.length ? text.text : "", text.length);
    return;
  }
  do {
    n = text.length;
    copy = lua_newuserdata(L, n + 1);
    text = text_of(box, which);
  } while (text.length > n);
  if (text.length) memcpy(copy, text.text, text.length);
  lua_pushlstring(L, copy, text.length);
}

/* A copy of the queue in a block of Lua's. Making the block may run a finalizer,
** which may change the queue. */
static struct wsm_message_queue push_queue (lua_State *L,
                                            const struct wsm_message_queue *q) {
  struct wsm_message_queue copy;
  size_t room;
  unsigned char *bytes;
  do {
    room = wsm_buffer_length(&q->bytes);
    bytes = lua_newuserdata(L, room + 1);
  } while (wsm_buffer_length(&q->bytes) > room);
  copy = *q;
  copy.bytes.start = 0;
  copy.bytes.end = wsm_buffer_length(&q->bytes);
  if (copy.bytes.end)
    memcpy(bytes, wsm_buffer_bytes(&q->bytes), copy.bytes.end);
  copy.bytes.data = bytes;
  return copy;
}

/* Pushes the messages and their kinds, each in a table. */
static void push_messages (lua_State *L, const struct wsm_message_queue *q) {
  struct wsm_message m;
  size_t at = 0;
  int i;
  lua_createtable(L, (int)q->count, 0);
  lua_createtable(L, (int)q->count, 0);
  for (i = 1; wsm_message_queue_next(q, &at, &m); i++) {
    lua_pushlstring(L, (const char *)m.data, m.length);
    lua_rawseti(L, -3, i);
    lua_pushstring(L, m.binary ? "binary" : "text");
    lua_rawseti(L, -2, i);
  }
}

/* Emptied once Lua has them all: a memory error loses none. If a finalizer took
** some meanwhile, what is left is pushed anew: none is there twice. */
int wsm_push_unsent (lua_State *L, struct wsm_message_queue *q) {
  const int top = lua_gettop(L);
  struct wsm_message_queue copy;
  do {
    lua_settop(L, top);
    copy = push_queue(L, q);
    push_messages(L, &copy);
  } while (q->count != copy.count || q->payload != copy.payload);
  wsm_message_queue_clear(q);
  return 2;
}
