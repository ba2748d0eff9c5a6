#include "lua/llink.h"

#include <string.h>
#include "common/memory.h"
#include "lua/lconfig.h"
#include "lua/lloop.h"
#include "lua/ltls.h"
#include "lua/module.h"

#define CONNECTION "wsmanager"

/* --- the userdata --- */

struct wsm_box *wsm_test_box (lua_State *L, int i) {
  return luaL_testudata(L, i, CONNECTION);
}

struct wsm_box *wsm_check_box (lua_State *L, int i) {
  struct wsm_box *box = luaL_checkudata(L, i, CONNECTION);
  if (!box->link || !wsm_link_post(box->link)->loop)
    luaL_error(L, "the connection was dropped, or its loop is closed");
  return box;
}

/* The path of each message: the metatable is the first upvalue, and comparing
** it costs a tenth of looking it up by name. */
static struct wsm_link *fast_link (lua_State *L) {
  struct wsm_box *box = lua_touserdata(L, 1);
  if (box && lua_getmetatable(L, 1)) {
    bool ours = lua_rawequal(L, -1, lua_upvalueindex(1));
    lua_pop(L, 1);
    if (ours && box->link && wsm_link_post(box->link)->loop) return box->link;
  }
  return wsm_check_box(L, 1)->link;
}

static struct wsm_manager *manager_of (struct wsm_box *box) {
  return wsm_link_manager(box->link);
}

static struct wsm_manager *check_manager (lua_State *L) {
  return manager_of(wsm_check_box(L, 1));
}

static void free_target (struct wsm_target *t) {
  wsm_free(t->url);
  wsm_free(t->protocols);
  wsm_free(t->headers);
  memset(t, 0, sizeof *t);
}

static int drop (lua_State *L) {
  struct wsm_box *box = luaL_checkudata(L, 1, CONNECTION);
  struct wsm_link *link = box->link;
  box->link = NULL;
  if (link) {
    wsm_server_leave(wsm_link_seat(link));
    wsm_link_free(link);
  }
  free_target(&box->target);
  if (box->policy) {
    char *beat = NULL;
    memcpy(&beat, &box->policy->beat, sizeof beat);   /* ours, see copy_beat */
    wsm_free(beat);
    wsm_free(box->policy);
    box->policy = NULL;
  }
  return 0;
}

struct wsm_box *wsm_push_box (lua_State *L) {
  struct wsm_box *box = wsm_newuserdata(L, sizeof *box);
  memset(box, 0, sizeof *box);
  luaL_getmetatable(L, CONNECTION);
  lua_setmetatable(L, -2);
  lua_newtable(L);
  lua_setuservalue(L, -2);
  return box;
}

/* --- targets --- */

static char *copy_text (lua_State *L, int i) {
  char *copy;
  if (lua_isnoneornil(L, i)) return NULL;
  copy = wsm_strdup(luaL_checkstring(L, i));
  if (!copy) luaL_error(L, "not enough memory");
  return copy;
}

static void check_lines (lua_State *L, int i) {
  struct wsm_error e;
  size_t n;
  const char *lines = luaL_optlstring(L, i, NULL, &n);
  if (lines && (!wsm_headers_check(lines, n, &e) || strlen(lines) != n))
    luaL_error(L, "%s", e.detail);
}

/* The stack holds url, protocols and headers from i on. */
static void set_target (lua_State *L, struct wsm_box *box, int i) {
  struct wsm_target *t = &box->target;
  struct wsm_error e;
  size_t n;
  const char *url = luaL_checklstring(L, i, &n);
  struct wsm_url parts;
  if (!wsm_url_parse(&parts, url, n, &e)) luaL_error(L, "%s", e.detail);
  check_lines(L, i + 2);
  free_target(t);
  t->url = copy_text(L, i);
  t->protocols = copy_text(L, i + 1);
  t->headers = copy_text(L, i + 2);
  wsm_url_parse(&t->parts, t->url, n, &e);
}

static void secure (lua_State *L, struct wsm_box *box) {
  struct wsm_error e;
  struct wsm_tls_context *tls;
  if (!box->target.parts.secure || wsm_link_is_secured(box->link)) return;
  tls = wsm_default_tls(L, &e);
  if (!tls) luaL_error(L, "%s", e.detail);
  wsm_link_secure(box->link, tls);
}

static struct wsm_ask ask_of (const struct wsm_target *t) {
  struct wsm_ask ask;
  memset(&ask, 0, sizeof ask);
  ask.url = &t->parts;
  ask.protocols = t->protocols;
  ask.headers = t->headers;
  return ask;
}

/* --- making one --- */

static void copy_beat (lua_State *L, struct wsm_policy *policy) {
  char *beat;
  if (!policy->beat) return;
  beat = wsm_alloc(policy->beat_length + 1);
  if (beat) memcpy(beat, policy->beat, policy->beat_length);
  policy->beat = beat;
  if (!beat) luaL_error(L, "not enough memory");
}

static void read_policy (lua_State *L, struct wsm_box *box) {
  struct wsm_policy policy;
  wsm_config_read(L, 2, &policy);
  box->policy = wsm_alloc(sizeof policy);
  if (!box->policy) luaL_error(L, "not enough memory");
  *box->policy = policy;
  copy_beat(L, box->policy);
}

static void open_link (lua_State *L, struct wsm_box *box) {
  struct wsm_link_setup setup;
  struct wsm_error e;
  setup.policy = box->policy;
  lua_getfield(L, 2, "tls");
  setup.tls = lua_isnil(L, -1) ? NULL : wsm_check_tls(L, -1);
  lua_pop(L, 1);
  box->link = wsm_link_new(wsm_check_loop(L, 1), &setup, &e);
  if (!box->link) luaL_error(L, "%s", e.detail);
}

static void fix_target (lua_State *L, struct wsm_box *box) {
  struct wsm_ask ask;
  int i = lua_gettop(L) + 1;
  lua_getfield(L, 2, "url");
  lua_getfield(L, 2, "protocols");
  lua_getfield(L, 2, "headers");
  if (!lua_isnil(L, i)) {
    set_target(L, box, i);
    secure(L, box);
    ask = ask_of(&box->target);
    wsm_link_fix(box->link, &ask);
  } else if (!box->policy->ask_target) {
    luaL_error(L, "a connection needs `url`");
  }
  lua_settop(L, i - 1);
}

static int make (lua_State *L) {
  struct wsm_box *box;
  wsm_check_loop(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  box = wsm_push_box(L);
  read_policy(L, box);
  open_link(L, box);
  fix_target(L, box);
  return 1;
}

/* --- its functions --- */

static int id (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)wsm_link_id(wsm_check_box(L, 1)->link));
  return 1;
}

static int fields (lua_State *L) {
  luaL_checkudata(L, 1, CONNECTION);
  lua_getuservalue(L, 1);
  return 1;
}

static int start (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  if (wsm_link_manager(box->link)->role == WSM_SERVER)
    return luaL_error(L, "a server's connection cannot dial");
  wsm_manager_start(manager_of(box), wsm_loop_refresh(
                      wsm_link_post(box->link)->loop));
  wsm_link_settle(box->link);
  return 0;
}

static int target (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  struct wsm_ask ask;
  if (manager_of(box)->want != WSM_WANT_TARGET) return 0;
  lua_settop(L, 4);
  set_target(L, box, 2);
  secure(L, box);
  ask = ask_of(&box->target);
  wsm_link_target(box->link, &ask);
  wsm_link_settle(box->link);
  return 0;
}

static int lock (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  wsm_manager_lock(manager_of(box), luaL_optstring(L, 2, "there is no session"),
                   wsm_link_now(box->link));
  wsm_link_settle(box->link);
  return 0;
}

static int verdict (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  int64_t delay = lua_isnoneornil(L, 3) ? -1
                                        : (int64_t)wsm_check_ms(L, 3, "delay");
  wsm_manager_verdict(manager_of(box), lua_toboolean(L, 2), delay,
                      wsm_link_now(box->link));
  wsm_link_settle(box->link);
  return 0;
}

/* nil, token, detail: why no message will come, or none can be sent. */
static int push_end (lua_State *L, const struct wsm_manager *m) {
  enum wsm_token token = WSM_CLOSED;
  if (m->state == WSM_STATE_LOCKED) token = WSM_LOCKED;
  if (m->state == WSM_STATE_EXHAUSTED) token = WSM_EXHAUSTED;
  lua_pushnil(L);
  lua_pushstring(L, wsm_token_name(token));
  if (m->error.token != WSM_NONE)
    lua_pushstring(L, m->error.detail);
  else if (m->code != 0)
    lua_pushfstring(L, "the connection was closed (%d)", (int)m->code);
  else
    lua_pushfstring(L, "the connection is %s", wsm_state_name(m->state));
  return 3;
}

static int receive (lua_State *L) {
  struct wsm_link *link = fast_link(L);
  struct wsm_message m;
  switch (wsm_link_next(link, &m)) {
    case WSM_MESSAGE:
      lua_pushlstring(L, (const char *)m.data, m.length);
      lua_pushvalue(L, lua_upvalueindex(m.binary ? 3 : 2));
      wsm_link_pop(link);
      return 2;
    case WSM_MORE:
      return 0;
    case WSM_ENDED:
      break;
  }
  return push_end(L, wsm_link_manager(link));
}

/* Raises at the line that called the Lua method around this function. */
static int misuse (lua_State *L, const char *what) {
  luaL_where(L, 2);
  lua_pushstring(L, what);
  lua_concat(L, 2);
  return lua_error(L);
}

static int not_a_string (lua_State *L, const char *method) {
  lua_pushfstring(L, "bad argument #1 to '%s' (string expected, got %s)",
                  method, luaL_typename(L, 2));
  return misuse(L, lua_tostring(L, -1));
}

static int push_full (lua_State *L, const struct wsm_manager *m, size_t n) {
  lua_pushnil(L);
  lua_pushstring(L, wsm_token_name(WSM_FULL));
  if (m->state == WSM_STATE_OPEN)
    lua_pushfstring(L, "%d bytes already wait for the peer to read; wait for "
                    "the event drain", (int)wsm_manager_buffered(m));
  else
    lua_pushfstring(L, "the outbox holds %d messages and takes no %d bytes "
                    "more while the connection is %s", (int)m->outbox.count,
                    (int)n, wsm_state_name(m->state));
  return 3;
}

static int send (lua_State *L) {
  struct wsm_link *link = fast_link(L);
  bool binary = lua_toboolean(L, 3);
  size_t n;
  const char *data;
  if (lua_type(L, 2) != LUA_TSTRING) return not_a_string(L, "send");
  data = lua_tolstring(L, 2, &n);
  if (!binary && !wsm_utf8_valid((const unsigned char *)data, n))
    return misuse(L, "bad argument #1 to 'send' (text must be UTF-8; send it "
                  "as \"binary\")");
  switch (wsm_link_send(link, binary ? WSM_BINARY : WSM_TEXT, data, n)) {
    case WSM_SENT:
    case WSM_SENT_LATER:
      lua_pushboolean(L, 1);
      return 1;
    case WSM_NOT_FULL:
      return push_full(L, wsm_link_manager(link), n);
    case WSM_NOT_OPEN:
      break;
  }
  return push_end(L, wsm_link_manager(link));
}

static int ping (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  struct wsm_manager *m = manager_of(box);
  size_t n;
  const char *payload = luaL_optlstring(L, 2, "", &n);
  if (n > WSM_CONTROL_LIMIT)
    return misuse(L, "a ping carries at most 125 bytes (RFC 6455 5.5)");
  if (m->state != WSM_STATE_OPEN) return push_end(L, m);
  wsm_loop_keys(wsm_link_post(box->link)->loop, 1);
  if (!wsm_session_ping_with(&m->session, payload, n))
    return luaL_error(L, "not enough memory");
  wsm_link_settle(box->link);
  lua_pushboolean(L, 1);
  return 1;
}

static void check_close (lua_State *L, unsigned code, const char *reason,
                         size_t n) {
  enum wsm_role role = check_manager(L)->role;
  if (code != WSM_NO_STATUS && !wsm_close_code_is_sendable(code, role)) {
    lua_pushfstring(L, "InvalidAccessError: the close code must be 1000 or "
                    "3000 to 4999, not %d", (int)code);
    misuse(L, lua_tostring(L, -1));
  }
  if (n > WSM_REASON_LIMIT) {
    lua_pushfstring(L, "SyntaxError: the close reason has %d bytes, at most "
                    "123 are possible", (int)n);
    misuse(L, lua_tostring(L, -1));
  }
  if (!wsm_utf8_valid((const unsigned char *)reason, n))
    misuse(L, "SyntaxError: the close reason must be UTF-8");
}

static unsigned check_code (lua_State *L, int i) {
  lua_Number code;
  if (lua_isnoneornil(L, i)) return WSM_NO_STATUS;
  code = luaL_checknumber(L, i);
  if (!(code >= 0 && code <= 65535) || code == WSM_NO_STATUS) code = 0;
  return (unsigned)code;
}

static int close (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  unsigned code = check_code(L, 2);
  size_t n;
  const char *reason = luaL_optlstring(L, 3, "", &n);
  if (code == WSM_NO_STATUS && n > 0) code = WSM_NORMAL;
  check_close(L, code, reason, n);
  wsm_loop_keys(wsm_link_post(box->link)->loop, 1);
  wsm_manager_close(manager_of(box), code, reason, n,
                    wsm_loop_refresh(wsm_link_post(box->link)->loop));
  wsm_link_settle(box->link);
  return 0;
}

static int flush (lua_State *L) {
  wsm_link_flush(wsm_check_box(L, 1)->link);
  return 0;
}

static int unsent (lua_State *L) {
  struct wsm_queue *q = &check_manager(L)->outbox;
  struct wsm_message m;
  int i;
  lua_createtable(L, (int)q->count, 0);
  lua_createtable(L, (int)q->count, 0);
  for (i = 1; wsm_queue_first(q, &m); i++) {
    lua_pushlstring(L, (const char *)m.data, m.length);
    lua_rawseti(L, -3, i);
    lua_pushstring(L, m.binary ? "binary" : "text");
    lua_rawseti(L, -2, i);
    wsm_queue_pop(q);
  }
  return 2;
}

/* --- a server's side --- */

static int accept (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  const char *protocol = luaL_optstring(L, 2, NULL);
  const char *headers = luaL_optstring(L, 3, NULL);
  check_lines(L, 3);
  if (!wsm_manager_accept(manager_of(box), protocol, headers,
                          wsm_link_now(box->link)))
    return push_end(L, manager_of(box));
  wsm_link_settle(box->link);
  lua_pushboolean(L, 1);
  return 1;
}

static int refuse (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  struct wsm_reply reply;
  lua_Integer status = luaL_checkinteger(L, 2);
  memset(&reply, 0, sizeof reply);
  if (status < 200 || status > 599)
    return luaL_error(L, "bad HTTP status %d (200 to 599 expected)",
                      (int)status);
  reply.status = (int)status;
  reply.headers = luaL_optstring(L, 3, NULL);
  reply.body = luaL_optlstring(L, 4, "", &reply.length);
  reply.head_only = lua_toboolean(L, 5);
  check_lines(L, 3);
  if (!wsm_manager_refuse(manager_of(box), &reply, wsm_link_now(box->link)))
    return luaL_error(L, "not enough memory");
  wsm_link_settle(box->link);
  return 0;
}

/* --- the metatable --- */

/* `ws.name`: a method (upvalue 1), a property of the core, a field of its own. */
static int lookup (lua_State *L) {
  struct wsm_box *box;
  lua_pushvalue(L, 2);
  lua_rawget(L, lua_upvalueindex(1));
  if (!lua_isnil(L, -1)) return 1;
  box = luaL_checkudata(L, 1, CONNECTION);
  if (lua_type(L, 2) == LUA_TSTRING &&
      wsm_push_property(L, box, lua_tostring(L, 2)))
    return 1;
  lua_getuservalue(L, 1);
  lua_pushvalue(L, 2);
  lua_rawget(L, -2);
  return 1;
}

static const luaL_Reg functions[] = {
  { "id", id }, { "fields", fields }, { "start", start },
  { "target", target }, { "lock", lock }, { "verdict", verdict },
  { "ping", ping }, { "close", close }, { "flush", flush },
  { "unsent", unsent }, { "accept", accept }, { "refuse", refuse },
  { "drop", drop }, { "event", wsm_link_lua_event },
  { "stats", wsm_link_lua_stats }, { "answer", wsm_link_lua_answer },
  { "request", wsm_link_lua_request }, { NULL, NULL }
};

/* With the metatable, which lies at `metatable`, and the words for kinds. */
static void push_fast (lua_State *L, lua_CFunction f, int metatable) {
  lua_pushvalue(L, metatable);
  lua_pushliteral(L, "text");
  lua_pushliteral(L, "binary");
  lua_pushcclosure(L, f, 3);
}

static void push_metatable (lua_State *L) {
  luaL_newmetatable(L, CONNECTION);
  lua_pushcfunction(L, drop);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, drop);
  lua_setfield(L, -2, "__close");
}

void wsm_push_link (lua_State *L) {
  int metatable;
  lua_createtable(L, 0, 4);
  push_metatable(L);
  metatable = lua_gettop(L);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, -4, "methods");
  lua_pushcclosure(L, lookup, 1);
  lua_setfield(L, metatable, "__index");
  luaL_newlib(L, functions);
  push_fast(L, receive, metatable);
  lua_setfield(L, -2, "receive");
  push_fast(L, send, metatable);
  lua_setfield(L, -2, "send");
  lua_setfield(L, -3, "link");
  lua_setfield(L, -2, "metatable");
  lua_pushcfunction(L, make);
  lua_setfield(L, -2, "connection");
}
