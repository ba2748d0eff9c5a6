#include "lua/protocol/lprotocol.h"

#include <openssl/rand.h>
#include <string.h>
#include "base/utf8.h"
#include "lua/lclass.h"
#include "lua/lconfig.h"
#include "lua/lfield.h"
#include "websocket/session.h"
#include "base/hidden.h"

#define SESSION "wsmanager.session"
#define MIN_KEYS (WSM_KEYS_SIZE / 4) /* fewer: draw new ones */

/* A session with all that it borrows. */
struct box {
  struct wsm_session session;
  struct wsm_limits limits;
  struct wsm_pool pool;
  struct wsm_error error;
  bool live;       /* not freed */
  bool fixed_keys; /* from the caller: not renewed */
  struct wsm_keys keys;
};

static struct box *check_box (lua_State *L) {
  struct box *box = luaL_checkudata(L, 1, SESSION);
  if (!box->live) luaL_error(L, "the session is freed");
  return box;
}

static struct wsm_session *check (lua_State *L) {
  return &check_box(L)->session;
}

/* As check, with mask keys for what may be sent. */
static struct wsm_session *check_keys (lua_State *L) {
  struct box *box = check_box(L);
  if (!box->fixed_keys && box->keys.left < MIN_KEYS &&
      box->session.role == WSM_CLIENT) {
    if (RAND_bytes(box->keys.block, WSM_KEYS_SIZE) != 1)
      luaL_error(L, "OpenSSL has no random bytes");
    box->keys.left = WSM_KEYS_SIZE;
  }
  return &box->session;
}

static int fail (lua_State *L, enum wsm_token token, const char *detail) {
  lua_pushnil(L);
  lua_pushstring(L, wsm_token_name(token));
  lua_pushstring(L, detail);
  return 3;
}

static int return_done (lua_State *L, bool done) {
  if (!done) return fail(L, WSM_FULL, "no memory, or no keys to mask with");
  lua_pushboolean(L, 1);
  return 1;
}

static int fail_closed (lua_State *L) {
  return fail(L, WSM_CLOSED, "our close frame was sent");
}

static bool is_closing (const struct wsm_session *s) {
  return (s->closing & WSM_CLOSE_SENT) != 0;
}

/* A limit of the options in argument 1. */
static uint64_t limit (lua_State *L, const char *name, uint64_t absent) {
  lua_Number n;
  lua_getfield(L, 1, name);
  n = lua_tonumber(L, -1);
  if (!lua_isnil(L, -1) && !(lua_isnumber(L, -1) && n >= 0 && n < 9e15))
    luaL_error(L, "bad option '%s' (a size expected)", name);
  if (!lua_isnil(L, -1)) absent = (uint64_t)n;
  lua_pop(L, 1);
  return absent;
}

static enum wsm_role role (lua_State *L) {
  const char *text;
  enum wsm_role found = WSM_CLIENT;
  lua_getfield(L, 1, "role");
  text = lua_tostring(L, -1);
  if (text && strcmp(text, "server") == 0) found = WSM_SERVER;
  else if (!text || strcmp(text, "client") != 0)
    luaL_error(L, "bad option 'role' ('client' or 'server' expected)");
  lua_pop(L, 1);
  return found;
}

/* The session takes keys from the end of the block: reversed, they are used in
** the caller's order. */
static void set_keys (struct box *box, const char *bytes, size_t n) {
  size_t i;
  for (i = 0; i < n; i += WSM_KEY_SIZE)
    memcpy(box->keys.block + n - WSM_KEY_SIZE - i, bytes + i, WSM_KEY_SIZE);
  box->keys.left = n;
  box->fixed_keys = true;
}

/* The option `deflate`: true, or a table as `compress` takes. */
static void read_deflate (lua_State *L, struct wsm_session *s) {
  struct wsm_compression c;
  lua_getfield(L, 1, "deflate");
  if (lua_toboolean(L, -1)) {
    wsm_config_compression(L, lua_gettop(L), &c);
    if (!wsm_session_deflate(s, &c)) luaL_error(L, "not enough memory");
  }
  lua_pop(L, 1);
}

static void read_keys (lua_State *L, struct box *box) {
  size_t n;
  const char *bytes;
  lua_getfield(L, 1, "keys");
  bytes = lua_tolstring(L, -1, &n);
  if (bytes) {
    if (n > WSM_KEYS_SIZE || n % WSM_KEY_SIZE != 0)
      luaL_error(L,
                 "bad option 'keys' (a multiple of %d bytes, at most %d, "
                 "expected)",
                 WSM_KEY_SIZE, WSM_KEYS_SIZE);
    set_keys(box, bytes, n);
  } else if (!lua_isnil(L, -1)) {
    luaL_error(L, "bad option 'keys' (a string expected)");
  }
  lua_pop(L, 1);
}

/* session{ role, message, frame, fragments, keys, deflate, inflate, stream } ->
** userdata; stream: its messages are read with `part` */
static int session_new (lua_State *L) {
  struct wsm_session_setup setup;
  struct box *box;
  uint64_t fragments;
  luaL_checktype(L, 1, LUA_TTABLE);
  box = lua_newuserdata(L, sizeof *box);
  memset(box, 0, sizeof *box);
  luaL_setmetatable(L, SESSION);
  setup.role = role(L);
  box->limits.message = limit(L, "message", 16u << 20);
  box->limits.frame = limit(L, "frame", box->limits.message);
  fragments = limit(L, "fragments", 65536);
  box->limits.fragments = fragments < UINT32_MAX ? (uint32_t)fragments
                                                 : UINT32_MAX;
  read_keys(L, box);
  setup.limits = &box->limits;
  setup.keys = &box->keys;
  setup.pool = &box->pool;
  setup.error = &box->error;
  lua_getfield(L, 1, "inflate");
  setup.inflate = lua_toboolean(L, -1);
  lua_pop(L, 1);
  wsm_session_init(&box->session, &setup);
  box->live = true;
  read_deflate(L, &box->session);
  lua_getfield(L, 1, "stream");
  if (lua_toboolean(L, -1)) wsm_session_stream(&box->session, &box->limits);
  lua_pop(L, 1);
  return 1;
}

/* session:free(), also __gc */
static int session_free (lua_State *L) {
  struct box *box = luaL_checkudata(L, 1, SESSION);
  if (!box->live) return 0;
  box->live = false;
  wsm_session_free(&box->session);
  wsm_pool_free(&box->pool);
  return 0;
}

/* session:feed(bytes) -> true | nil, token, detail */
static int session_feed (lua_State *L) {
  struct wsm_session *s = check(L);
  size_t n;
  const char *bytes = luaL_checklstring(L, 2, &n);
  unsigned char *to;
  if (n == 0) return return_done(L, true);
  to = wsm_session_reserve(s, n);
  if (!to) return fail(L, WSM_FULL, "no memory");
  memcpy(to, bytes, n);
  wsm_session_commit(s, n);
  return return_done(L, true);
}

/* session:room(n) -> integer */
static int session_room (lua_State *L) {
  struct wsm_session *s = check(L);
  const lua_Integer n = luaL_checkinteger(L, 2);
  luaL_argcheck(L, n > 0, 2, "must be positive");
  lua_pushinteger(L, (lua_Integer)wsm_session_read_size(s, (size_t)n));
  return 1;
}

static void push_reason (lua_State *L, const struct wsm_session *s) {
  lua_pushlstring(L, s->reason ? s->reason : "", s->reason_length);
}

/* false, token, detail, code */
static int push_end (lua_State *L, const struct wsm_session *s) {
  lua_pushboolean(L, 0);
  if (s->closing & WSM_CLOSE_FAILED) {
    lua_pushstring(L, wsm_token_name(s->error->token));
    lua_pushstring(L, s->error->detail);
  } else {
    lua_pushstring(L, wsm_token_name(WSM_CLOSED));
    lua_pushfstring(L, "the peer closed with code %d", (int)s->close_code);
  }
  lua_pushinteger(L, s->close_code);
  return 4;
}

/* session:next() -> data, kind | nil | false, token, detail, code */
static int session_next (lua_State *L) {
  struct wsm_session *s = check_keys(L);
  struct wsm_message m;
  switch (wsm_session_next(s, &m)) {
    case WSM_MORE:
      lua_pushnil(L);
      return 1;
    case WSM_ENDED:
      return push_end(L, s);
    default:
      lua_pushlstring(L, (const char *)m.data, m.length);
      lua_pushstring(L, m.binary ? "binary" : "text");
      wsm_session_pop(s);
      return 2;
  }
}

/* session:part() -> data, kind, is it a rest?, does more follow? | as `next` */
static int session_part (lua_State *L) {
  struct wsm_session *s = check_keys(L);
  struct wsm_part part;
  const enum wsm_input input = wsm_session_next(s, NULL);
  if (input == WSM_ENDED) return push_end(L, s);
  if (input == WSM_MORE) return 0;
  wsm_session_part(s, &part);
  lua_pushlstring(L, (const char *)part.message.data, part.message.length);
  lua_pushstring(L, part.message.binary ? "binary" : "text");
  lua_pushboolean(L, part.bits & WSM_REST);
  lua_pushboolean(L, part.bits & WSM_PART);
  wsm_session_pop_part(s, &part);
  return 4;
}

/* session:glance() -> is there a message? Scans the control frames behind it. */
static int session_glance (lua_State *L) {
  struct wsm_session *s = check_keys(L);
  lua_pushboolean(L, wsm_session_next(s, NULL) == WSM_MESSAGE);
  wsm_session_scan(s);
  return 1;
}

/* session:send(data[, binary]) -> true | nil, token, detail */
static int session_send (lua_State *L) {
  struct wsm_session *s = check_keys(L);
  size_t n;
  const char *data = luaL_checklstring(L, 2, &n);
  const bool binary = lua_toboolean(L, 3);
  luaL_argcheck(L, binary || wsm_utf8_valid((const unsigned char *)data, n), 2,
                "text that is not UTF-8");
  if (is_closing(s)) return fail_closed(L);
  return return_done(
    L, wsm_session_send(s, binary ? WSM_BINARY : WSM_TEXT, data, n));
}

/* session:ping([payload]) -> true | nil, token, detail. Without a payload it
** is numbered, and state().answered becomes its number when it comes back. */
static int session_ping (lua_State *L) {
  struct wsm_session *s = check_keys(L);
  size_t n;
  const char *payload = luaL_optlstring(L, 2, NULL, &n);
  if (is_closing(s)) return fail_closed(L);
  if (!payload) return return_done(L, wsm_session_ping(s, s->ping_sent + 1));
  luaL_argcheck(L, n <= WSM_CONTROL_LIMIT, 2, "more than 125 bytes");
  return return_done(L, wsm_session_ping_with(s, payload, n));
}

static bool is_code (lua_Integer code) {
  if (code == WSM_NO_STATUS) return true;
  return code > 0 && code < 5000 && wsm_close_code_is_valid((unsigned)code);
}

/* session:close([code[, reason]]) -> true | nil, token, detail */
static int session_close (lua_State *L) {
  struct wsm_session *s = check_keys(L);
  const lua_Integer code = luaL_optinteger(L, 2, WSM_NO_STATUS);
  size_t n;
  const char *reason = luaL_optlstring(L, 3, "", &n);
  luaL_argcheck(L, is_code(code), 2, "not a close code");
  luaL_argcheck(L, n <= WSM_REASON_LIMIT, 3, "more than 123 bytes");
  luaL_argcheck(L, wsm_utf8_valid((const unsigned char *)reason, n), 3,
                "a reason that is not UTF-8");
  luaL_argcheck(L, n == 0 || code != WSM_NO_STATUS, 3,
                "a reason without a code");
  return return_done(L, wsm_session_close(s, (unsigned)code, reason, n));
}

static size_t push_output (lua_State *L, const struct wsm_session *s) {
  size_t n;
  const char *bytes = (const char *)wsm_session_output(s, &n);
  lua_pushlstring(L, bytes ? bytes : "", n);
  return n;
}

/* session:output() -> bytes not yet sent */
static int session_output (lua_State *L) {
  push_output(L, check(L));
  return 1;
}

/* session:sent(n) */
static int session_sent (lua_State *L) {
  struct wsm_session *s = check_keys(L);
  const lua_Integer n = luaL_checkinteger(L, 2);
  size_t most;
  wsm_session_output(s, &most);
  luaL_argcheck(L, n >= 0 && (size_t)n <= most, 2, "more than there is");
  wsm_session_sent(s, (size_t)n);
  return 0;
}

/* session:take() -> the output, counted as sent */
static int session_take (lua_State *L) {
  struct wsm_session *s = check_keys(L);
  wsm_session_sent(s, push_output(L, s));
  return 1;
}

/* session:unsent() -> { { data, kind } ... }, and frees the session */
static int session_unsent (lua_State *L) {
  struct wsm_session *s = check(L);
  struct wsm_message m;
  size_t at = 0;
  int i = 0;
  lua_newtable(L);
  while (wsm_session_unsent(s, &at, &m)) {
    lua_createtable(L, 2, 0);
    lua_pushlstring(L, (const char *)m.data, m.length);
    lua_rawseti(L, -2, 1);
    lua_pushstring(L, m.binary ? "binary" : "text");
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, ++i);
  }
  session_free(L);
  return 1;
}

/* session:state() -> table */
static int session_state (lua_State *L) {
  const struct wsm_session *s = check(L);
  lua_createtable(L, 0, 16);
  wsm_set_boolean(L, "sent", s->closing & WSM_CLOSE_SENT);
  wsm_set_boolean(L, "received", s->closing & WSM_CLOSE_RECEIVED);
  wsm_set_boolean(L, "failed", s->closing & WSM_CLOSE_FAILED);
  wsm_set_boolean(L, "amidst", wsm_session_is_amidst(s));
  wsm_set_boolean(L, "closewaits", s->close_pending);
  wsm_set_count(L, "code", s->close_code);
  push_reason(L, s);
  lua_setfield(L, -2, "reason");
  wsm_set_count(L, "unread", wsm_session_unread(s));
  wsm_set_count(L, "pending", wsm_session_pending(s));
  wsm_set_count(L, "pings", s->pings);
  wsm_set_count(L, "pongs", s->pongs);
  wsm_set_count(L, "answered", s->pong_seen);
  wsm_set_count(L, "room", s->in.size + s->out.size);
  return 1;
}

static const luaL_Reg methods[] = {
  { "feed", session_feed },
  { "room", session_room },
  { "next", session_next },
  { "part", session_part },
  { "glance", session_glance },
  { "send", session_send },
  { "ping", session_ping },
  { "close", session_close },
  { "output", session_output },
  { "sent", session_sent },
  { "take", session_take },
  { "unsent", session_unsent },
  { "state", session_state },
  { "free", session_free },
  { NULL, NULL },
};

void wsm_push_session (lua_State *L) {
  const struct wsm_class class = { SESSION, methods, session_free,
                                   session_new };
  wsm_push_class(L, &class);
}
