#include "lua/lmessage.h"

#include <string.h>
#include "base/utf8.h"
#include "lua/lbox.h"
#include "lua/lconfig.h"
#include "lua/lfail.h"
#include "lua/lstate.h"
#include "base/hidden.h"

#define SMALL 1024 /* bytes of a message that are copied on the stack */
#define KEPT_SIZE (4u << 20) /* of the largest scratch that is kept */

/* The upvalues, by their index:
**
**           receive    send       receive_method  send_method
**           ... part
** TEXT      "text"     "text"     "text"          "text"
** BINARY    "binary"   "binary"   "binary"        "binary"
** SCRATCH   scratch    nil        scratch         nil
** FALLBACK                        receive in Lua  send in Lua
** DECODE                          decode in Lua
** WAIT                            wait in Lua
**
** `scratch` is nil until the first large message. The functions in Lua take all
** that the method was given; decode(ws, data, kind, true) what was received. */
enum { TEXT = 1, BINARY, SCRATCH, FALLBACK, DECODE, WAIT };

#if WSM_HAS_CALLK
static int receive_method (lua_State *L);
static int send_method (lua_State *L);

/* Is the function of that level a method in C? */
static bool is_method (lua_State *L, int level) {
  lua_Debug at;
  lua_CFunction f;
  if (!lua_getstack(L, level, &at) || !lua_getinfo(L, "f", &at)) return false;
  f = lua_tocfunction(L, -1);
  lua_pop(L, 1);
  return f == receive_method || f == send_method;
}
#else
#define is_method(L, level) false
#endif

/* Raises at the line that called the method. Above it on the stack of calls are
** the function in Lua around this one and, if there is one, the method in C. */
static int misuse (lua_State *L, const char *what) {
  return wsm_misuse(L, is_method(L, 2) ? 3 : 2, what);
}

/* The box at 1; a call with '.' instead of ':' raises `hint`. */
static struct wsm_box *check_self (lua_State *L, const char *hint) {
  if (lua_type(L, 1) != LUA_TUSERDATA) misuse(L, hint);
  return wsm_check_box(L, 1);
}

/* --- receive --- */

/* A copy of a large message while its string is made; kept for the next one,
** as LuaJIT maps a block of this size anew each time. */
struct scratch {
  size_t size;
  bool busy; /* in use, seen by a finalizer; or left so by a memory error */
  char bytes[];
};

/* Pushes a scratch of n bytes or more: the kept one, or a new one while that is
** busy or too small. */
static struct scratch *push_scratch (lua_State *L, size_t n) {
  struct scratch *s = lua_touserdata(L, lua_upvalueindex(SCRATCH));
  if (s && !s->busy && s->size >= n) {
    lua_pushvalue(L, lua_upvalueindex(SCRATCH));
    return s;
  }
  s = lua_newuserdata(L, sizeof *s + n);
  s->size = n;
  s->busy = false;
  if (n > KEPT_SIZE) return s;
  lua_pushvalue(L, -1);
  lua_replace(L, lua_upvalueindex(SCRATCH));
  return s;
}

static void push_large (lua_State *L, struct scratch *s,
                        const struct wsm_message *m) {
  s->busy = true;
  memcpy(s->bytes, m->data, m->length);
  lua_pushlstring(L, s->bytes, m->length);
  s->busy = false;
}

/* Pushes the string from a copy that no finalizer can free. false: a finalizer
** took the message while the copy was allocated. */
static bool push_copy (lua_State *L, struct wsm_link *link,
                       const struct wsm_message *m) {
  char small[SMALL];
  if (m->length > sizeof small) {
    struct scratch *s = push_scratch(L, m->length);
    struct wsm_message again;
    if (wsm_check_box(L, 1)->link != link ||
        wsm_link_next(link, &again) != WSM_MESSAGE || again.length != m->length)
      return false;
    push_large(L, s, &again);
    return true;
  }
  if (m->length > 0) memcpy(small, m->data, m->length);
  lua_pushlstring(L, small, m->length);
  return true;
}

/* Pushes what receive returns, and pops the message. Making the string may run a
** finalizer, which may take this message or end the connection: then nothing is
** pushed, and 0 returned. */
static int push_message (lua_State *L, const struct wsm_box *box,
                         const struct wsm_message *m) {
  struct wsm_link *link = box->link;
  const uint64_t *taken = &wsm_link_manager(link)->counters.messages_in;
  const uint64_t before = *taken;
  const int kind = lua_upvalueindex(m->binary ? BINARY : TEXT);
  if (!WSM_PUSHLSTRING_MAY_GC)
    lua_pushlstring(L, (const char *)m->data, m->length);
  else if (!push_copy(L, link, m)) return lua_settop(L, 1), 0;
  if (box->link != link || *taken != before) return lua_settop(L, 1), 0;
  wsm_link_pop(link, m);
  lua_pushvalue(L, kind);
  if (!box->has_codec) return 2;
  lua_pushboolean(L, true);
  return 3;
}

static int take_next (lua_State *L, struct wsm_box *box) {
  struct wsm_message m;
  enum wsm_input input;
  while ((input = wsm_link_next(box->link, &m)) == WSM_MESSAGE) {
    const int count = push_message(L, box, &m);
    if (count > 0) return count;
    wsm_check_box(L, 1);
  }
  return input == WSM_MORE ? 0 : wsm_push_end(L, wsm_link_manager(box->link));
}

/* take(ws) -> data, kind, and true if it is to be decoded; nothing: there is none;
** or nil, a token and why none will come */
static int take (lua_State *L) {
  return take_next(L, wsm_check_box(L, 1));
}

/* The same for a method; nothing also where callers wait in turn. */
static int receive (lua_State *L) {
  struct wsm_box *box =
    check_self(L, "call it with ':', as in ws:receive(...)");
  return box->is_shared ? 0 : take_next(L, box);
}

/* --- receive, in parts --- */

/* Pushes the string of the next part and takes it. false: nothing was pushed; a
** finalizer took it, or has ended the connection. */
static bool push_part (lua_State *L, struct wsm_link *link, size_t n) {
  const uint32_t *taken = &wsm_link_manager(link)->parts;
  const uint32_t before = *taken;
  struct scratch *s = push_scratch(L, n);
  struct wsm_part part;
  if (wsm_check_box(L, 1)->link != link || *taken != before ||
      wsm_link_next_part(link, &part) != WSM_MESSAGE || part.message.length > n)
    return false;
  push_large(L, s, &part.message);
  if (wsm_check_box(L, 1)->link != link || *taken != before) return false;
  wsm_link_pop_part(link, &part);
  return true;
}

/* firstpart(ws) -> data, kind, does more follow? | nothing: none yet | nil, a token and
** why none will come. What is left of the message before is dropped. */
static int first_part (lua_State *L) {
  struct wsm_part part;
  struct wsm_link *link;
  do {
    enum wsm_input input;
    lua_settop(L, 1);
    link = wsm_check_box(L, 1)->link;
    while ((input = wsm_link_next_part(link, &part)) == WSM_MESSAGE &&
           (part.bits & WSM_REST))
      wsm_link_pop_part(link, &part);
    if (input == WSM_MORE) return 0;
    if (input == WSM_ENDED) return wsm_push_end(L, wsm_link_manager(link));
  } while (!push_part(L, link, part.message.length));
  lua_pushvalue(L, lua_upvalueindex(part.message.binary ? BINARY : TEXT));
  lua_pushboolean(L, part.bits & WSM_PART);
  return 3;
}

/* Returns nil, "closed" and the sentence on top of the stack. */
static int return_broken (lua_State *L) {
  lua_pushnil(L);
  lua_pushstring(L, wsm_token_name(WSM_CLOSED));
  lua_pushvalue(L, -3);
  return 3;
}

/* nextpart(ws) -> data, does more follow? | nothing: none yet | nil, a token and why the
** rest of the message will not come */
static int next_part (lua_State *L) {
  struct wsm_part part;
  struct wsm_link *link;
  do {
    enum wsm_input input;
    lua_settop(L, 1);
    link = wsm_check_box(L, 1)->link;
    input = wsm_link_next_part(link, &part);
    if (input == WSM_MORE) return 0;
    if (input == WSM_ENDED) return wsm_push_end(L, wsm_link_manager(link));
    if (!(part.bits & WSM_REST)) {
      lua_pushliteral(L, "the rest of it was lost");
      return return_broken(L);
    }
  } while (!push_part(L, link, part.message.length));
  if (part.bits & WSM_BROKEN) return return_broken(L);
  lua_pushboolean(L, part.bits & WSM_PART);
  return 2;
}

/* skipparts(ws) -> boolean: drops what is there of the message whose beginning was
** taken; was that all of it? */
static int skip_parts (lua_State *L) {
  struct wsm_link *link = wsm_check_box(L, 1)->link;
  struct wsm_part part = { .bits = WSM_PART };
  enum wsm_input input = WSM_MESSAGE;
  while ((part.bits & WSM_PART) &&
         (input = wsm_link_next_part(link, &part)) == WSM_MESSAGE &&
         (part.bits & WSM_REST))
    wsm_link_pop_part(link, &part);
  lua_pushboolean(L, input != WSM_MORE);
  return 1;
}

/* --- send --- */

static void push_count (lua_State *L, size_t n, const char *what) {
  lua_pushfstring(L, n == 1 ? "%d %s" : "%d %ss", (int)n, what);
}

/* Of one that would wait in an outbox without room, or is volatile and would wait. */
static void push_outbox (lua_State *L, const struct wsm_manager *m, size_t n,
                         bool is_volatile) {
  const char *count;
  push_count(L, m->outbox.count, "message");
  count = lua_tostring(L, -1);
  push_count(L, n, "byte");
  if (is_volatile)
    lua_pushfstring(L, "%s in the outbox %s first", count,
                    m->outbox.count == 1 ? "goes" : "go");
  else
    lua_pushfstring(L, "the outbox holds %s and has no room for %s more", count,
                    lua_tostring(L, -1));
  lua_replace(L, -3);
  lua_pop(L, 1);
}

static void push_closed (lua_State *L, const struct wsm_manager *m, size_t n,
                         bool is_volatile) {
  const char *state = wsm_state_name(m->state);
  if (is_volatile) {
    lua_pushfstring(L, "the connection is %s", state);
    return;
  }
  push_outbox(L, m, n, false);
  lua_pushfstring(L, " while the connection is %s", state);
  lua_concat(L, 2);
}

/* Why it was refused as full, just now. */
static void push_why_full (lua_State *L, struct wsm_link *link,
                           const struct wsm_message *message,
                           const struct wsm_terms *terms) {
  const struct wsm_manager *m = wsm_link_manager(link);
  const bool is_volatile = terms && terms->is_volatile;
  const enum wsm_full why = wsm_link_full(link, message, terms);
  char cause[WSM_CAUSE_SIZE];
  if (m->state != WSM_STATE_OPEN) {
    push_closed(L, m, message->length, is_volatile);
    return;
  }
  wsm_outbox_explain(m, why, cause);
  if (m->outbox.count == 0 || why == WSM_FULL_HELD) {
    lua_pushstring(L, cause);
    return;
  }
  push_outbox(L, m, message->length, is_volatile);
  lua_pushfstring(L, cause[0] ? "; %s" : "%s", cause);
  lua_concat(L, 2);
}

/* Pushes nil, "full", what there is no room in and what to do, and the former alone. */
static int push_full (lua_State *L, struct wsm_link *link,
                      const struct wsm_message *message,
                      const struct wsm_terms *terms) {
  const bool is_open = wsm_link_manager(link)->state == WSM_STATE_OPEN;
  lua_pushnil(L);
  lua_pushstring(L, wsm_token_name(WSM_FULL));
  push_why_full(L, link, message, terms);
  lua_pushvalue(L, -1);
  if (terms && terms->is_volatile)
    lua_pushstring(L, "; it is volatile, and was not sent");
  else lua_pushstring(L, is_open ? "; wait for the event drain" : "");
  lua_concat(L, 2);
  lua_insert(L, -2);
  return 4;
}

static int push_toobig (lua_State *L, const struct wsm_manager *m, size_t n) {
  lua_pushnil(L);
  lua_pushstring(L, wsm_token_name(WSM_TOOBIG));
  lua_pushfstring(L,
                  "the message has %d bytes and limits.send is %d: it was not "
                  "sent",
                  (int)n, (int)m->policy->send_bytes);
  return 3;
}

/* The message of the string at 2, of that opcode. */
static struct wsm_message message_at (lua_State *L, unsigned opcode) {
  struct wsm_message m;
  m.data = (const unsigned char *)lua_tolstring(L, 2, &m.length);
  m.binary = opcode == WSM_BINARY;
  return m;
}

static bool is_valid (const struct wsm_message *m) {
  return m->binary || wsm_utf8_valid(m->data, m->length);
}

/* The opcode for the kind at 3; 0: it is none. */
static unsigned opcode_of (lua_State *L) {
  switch (lua_type(L, 3)) {
    case LUA_TNONE:
    case LUA_TNIL:
      return WSM_TEXT;
    default:
      if (lua_rawequal(L, 3, lua_upvalueindex(BINARY))) return WSM_BINARY;
      return lua_rawequal(L, 3, lua_upvalueindex(TEXT)) ? WSM_TEXT : 0;
  }
}

/* The terms at 4 to 6: seconds, whether it is volatile, and its id, of 1 to
** WSM_ID_LIMIT bytes; each may be false. NULL: there are none. */
static const struct wsm_terms *terms_at (lua_State *L, struct wsm_link *link,
                                         struct wsm_terms *terms) {
  const struct wsm_terms none = WSM_NO_TERMS;
  size_t n = 0;
  if (lua_gettop(L) < 4) return NULL;
  *terms = none;
  if (lua_isnumber(L, 4))
    terms->expires_ms = wsm_link_clock(link) + wsm_check_ms(L, 4, "ttl");
  terms->is_volatile = lua_toboolean(L, 5);
  if (lua_type(L, 6) == LUA_TSTRING)
    terms->id = (const unsigned char *)lua_tolstring(L, 6, &n);
  terms->id_length = (uint8_t)n;
  return terms->is_volatile || wsm_terms_matter(terms) ? terms : NULL;
}

static int send (lua_State *L) {
  const struct wsm_box *box =
    check_self(L, "call it with ':', as in ws:send(...)");
  const bool lacks_id = box->identifies && lua_gettop(L) < 4;
  struct wsm_link *link = box->link;
  const unsigned opcode = opcode_of(L);
  const struct wsm_terms *some;
  struct wsm_terms terms;
  struct wsm_message m;
  if (opcode == 0 || lua_type(L, 2) != LUA_TSTRING || lacks_id) {
    lua_pushboolean(L, 0); /* the Lua layer encodes it, names it, or raises */
    return 1;
  }
  m = message_at(L, opcode);
  if (!is_valid(&m))
    return misuse(L, "bad argument #1 to 'send' (text must be UTF-8; send it "
                     "as \"binary\")");
  some = terms_at(L, link, &terms);
  switch (wsm_link_send(link, &m, some)) {
    case WSM_SENT:
    case WSM_SENT_LATER:
      lua_pushboolean(L, 1);
      return 1;
    case WSM_SEND_FULL:
      return push_full(L, link, &m, some);
    case WSM_SEND_TOOBIG:
      return push_toobig(L, wsm_link_manager(link), m.length);
    case WSM_SEND_CLOSED:
      break;
  }
  return wsm_push_end(L, wsm_link_manager(link));
}

/* --- the methods --- */

/* TEXT, BINARY, SCRATCH. */
static void push_upvalues (lua_State *L) {
  lua_pushliteral(L, "text");
  lua_pushliteral(L, "binary");
  lua_pushnil(L);
}

#if WSM_HAS_CALLK

static int return_all (lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  return lua_gettop(L);
}

/* Calls the function in Lua, which may wait, decode or raise, with all arguments
** or results, and returns what it returns: nothing is left to do after it. */
static int call_lua (lua_State *L, int function) {
  lua_pushvalue(L, lua_upvalueindex(function));
  lua_insert(L, 1);
  lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, return_all);
  return lua_gettop(L);
}

/* The box at 1; NULL: it is none, was dropped, or its loop is closed. */
static const struct wsm_box *test_live_box (lua_State *L) {
  const struct wsm_box *box = wsm_test_box(L, 1);
  return box && wsm_box_link(box) ? box : NULL;
}

static int receive_method (lua_State *L) {
  const struct wsm_box *box = test_live_box(L);
  enum wsm_input input;
  struct wsm_message m;
  int count;
  if (!box || box->is_shared || lua_gettop(L) != 1)
    return call_lua(L, FALLBACK);
  input = wsm_link_next(box->link, &m);
  if (input == WSM_MORE) return call_lua(L, WAIT);
  if (input != WSM_MESSAGE) return call_lua(L, FALLBACK);
  count = push_message(L, box, &m);
  if (count == 0) return call_lua(L, FALLBACK);
  return count == 3 ? call_lua(L, DECODE) : count;
}

static bool is_sent (lua_State *L, struct wsm_link *link, unsigned opcode) {
  const struct wsm_message m = message_at(L, opcode);
  return is_valid(&m) && wsm_link_send(link, &m, NULL) <= WSM_SENT_LATER;
}

static int send_method (lua_State *L) {
  const struct wsm_box *box = test_live_box(L);
  const unsigned opcode = opcode_of(L);
  if (!box || box->identifies || opcode == 0 || lua_gettop(L) > 3 ||
      lua_type(L, 2) != LUA_TSTRING || !is_sent(L, box->link, opcode))
    return call_lua(L, FALLBACK);
  lua_pushboolean(L, true);
  return 1;
}

/* methods(receive, send, decode, wait) */
static int methods (lua_State *L) {
  int i;
  for (i = 1; i <= 4; i++) luaL_checktype(L, i, LUA_TFUNCTION);
  push_upvalues(L);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 3);
  lua_pushvalue(L, 4);
  lua_pushcclosure(L, receive_method, WAIT);
  push_upvalues(L);
  lua_pushvalue(L, 2);
  lua_pushcclosure(L, send_method, FALLBACK);
  return 2;
}

#endif

void wsm_set_messages (lua_State *L) {
  push_upvalues(L);
  lua_pushcclosure(L, receive, SCRATCH);
  lua_setfield(L, -2, "receive");
  push_upvalues(L);
  lua_pushcclosure(L, take, SCRATCH);
  lua_setfield(L, -2, "take");
  push_upvalues(L);
  lua_pushcclosure(L, first_part, SCRATCH);
  lua_setfield(L, -2, "firstpart");
  push_upvalues(L);
  lua_pushcclosure(L, next_part, SCRATCH);
  lua_setfield(L, -2, "nextpart");
  lua_pushcfunction(L, skip_parts);
  lua_setfield(L, -2, "skipparts");
  push_upvalues(L);
  lua_pushcclosure(L, send, SCRATCH);
  lua_setfield(L, -2, "send");
#if WSM_HAS_CALLK
  lua_pushcfunction(L, methods);
  lua_setfield(L, -2, "methods");
#endif
}
