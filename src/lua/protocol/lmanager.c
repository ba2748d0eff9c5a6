#include "lua/protocol/lprotocol.h"

#include <string.h>
#include "base/memory.h"
#include "lua/lclass.h"
#include "lua/levent.h"
#include "lua/lfield.h"
#include "lua/lbox.h"
#include "lua/lstate.h"
#include "lua/protocol/spec_login.h"
#include "lua/protocol/spec_manager.h"
#include "lua/protocol/spec_policy.h"
#include "manager/manager.h"
#include "base/hidden.h"

static struct wsm_manager_box *check_box (lua_State *L) {
  return wsm_check_manager_box(L);
}

static struct wsm_manager *check (lua_State *L) {
  return &check_box(L)->manager;
}

static uint64_t check_now (lua_State *L, int i) {
  return (uint64_t)luaL_checknumber(L, i);
}

/* Replaces *text by a copy of the string at i; NULL for none. */
static void copy_text (lua_State *L, int i, char **text) {
  const char *from = luaL_optstring(L, i, NULL);
  char *copy = wsm_strdup(from);
  if (from && !copy) luaL_error(L, "not enough memory");
  wsm_free(*text);
  *text = copy;
}

static enum wsm_token check_token (lua_State *L, int i) {
  const char *name = luaL_checkstring(L, i);
  int token;
  for (token = WSM_TIMEOUT; token <= WSM_EXHAUSTED; token++)
    if (strcmp(name, wsm_token_name((enum wsm_token)token)) == 0)
      return (enum wsm_token)token;
  luaL_argerror(L, i, "not a token");
  return WSM_NONE;
}

/* --- construction --- */

static void read_policy (lua_State *L, struct wsm_policy *p) {
  struct wsm_policy policy;
  wsm_policy_read(L, 1, &policy);
  lua_getfield(L, 1, "heartbeat_message");
  policy.heartbeat.message = lua_tolstring(L, -1, &policy.heartbeat.length);
  if (!wsm_policy_copy(p, &policy)) luaL_error(L, "not enough memory");
  lua_pop(L, 1);
}

static enum wsm_role read_role (lua_State *L) {
  bool server;
  lua_getfield(L, 1, "role");
  server = lua_isstring(L, -1) && strcmp(lua_tostring(L, -1), "server") == 0;
  lua_pop(L, 1);
  return server ? WSM_SERVER : WSM_CLIENT;
}

static bool read_boolean (lua_State *L, const char *name) {
  bool value;
  lua_getfield(L, 1, name);
  value = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return value;
}

static uint64_t read_number (lua_State *L, const char *name) {
  uint64_t number;
  lua_getfield(L, 1, name);
  number = (uint64_t)lua_tonumber(L, -1);
  lua_pop(L, 1);
  return number;
}

/* manager{ role, tls, now, seed, heartbeat_message, policy fields by their C names } */
static int construct (lua_State *L) {
  struct wsm_manager_setup setup;
  struct wsm_manager_box *box;
  luaL_checktype(L, 1, LUA_TTABLE);
  box = wsm_newuserdata(L, sizeof *box);
  memset(box, 0, sizeof *box);
  luaL_setmetatable(L, WSM_MANAGER_CLASS);
  read_policy(L, &box->policy);
  setup.role = read_role(L);
  setup.policy = &box->policy;
  setup.keys = &box->keys;
  setup.pool = &box->pool;
  setup.seed = read_number(L, "seed");
  setup.clock_ms = (int64_t)read_number(L, "clock");
  setup.tls = read_boolean(L, "tls");
  wsm_manager_init(&box->manager, &setup, read_number(L, "now"));
  box->manager.totals = &box->totals;
  box->live = true;
  return 1;
}

/* m:free(), also __gc */
static int release (lua_State *L) {
  struct wsm_manager_box *box = luaL_checkudata(L, 1, WSM_MANAGER_CLASS);
  if (box->live) {
    wsm_manager_free(&box->manager);
    wsm_pool_free(&box->pool);
  }
  box->live = false;
  wsm_policy_free(&box->policy);
  wsm_free(box->url);
  wsm_free(box->protocols);
  wsm_free(box->headers);
  box->url = box->protocols = box->headers = NULL;
  return 0;
}

/* --- called by the owner --- */

/* m:start(now, anew) */
static int start (lua_State *L) {
  const uint64_t now_ms = (uint64_t)luaL_optnumber(L, 2, 0);
  if (lua_toboolean(L, 3)) wsm_manager_start_anew(check(L), now_ms);
  else wsm_manager_start(check(L), now_ms);
  return 0;
}

/* m:target({ url, protocols, headers, nonce }, now) */
static int target (lua_State *L) {
  struct wsm_manager_box *box = check_box(L);
  const uint64_t now_ms = check_now(L, 3);
  unsigned char nonce[WSM_NONCE_SIZE] = { 0 };
  struct wsm_request request;
  struct wsm_error e;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 3);
  lua_getfield(L, 2, "url");
  lua_getfield(L, 2, "protocols");
  lua_getfield(L, 2, "headers");
  lua_getfield(L, 2, "nonce");
  luaL_checkstring(L, 4);
  copy_text(L, 4, &box->url);
  copy_text(L, 5, &box->protocols);
  copy_text(L, 6, &box->headers);
  if (!wsm_url_parse(&box->parts, box->url, strlen(box->url), &e))
    return luaL_error(L, "%s", e.detail);
  if (lua_rawlen(L, 7) == sizeof nonce)
    memcpy(nonce, lua_tostring(L, 7), sizeof nonce);
  memset(&request, 0, sizeof request);
  request.url = &box->parts;
  request.protocols = box->protocols;
  request.headers = box->headers;
  wsm_manager_target(&box->manager, &request, nonce, now_ms);
  return 0;
}

static int lock (lua_State *L) {
  wsm_manager_lock(check(L), luaL_checkstring(L, 2));
  return 0;
}

/* m:verdict(again, delay_ms, now) */
static int verdict (lua_State *L) {
  wsm_manager_verdict(check(L), lua_toboolean(L, 2),
                      (int64_t)luaL_optnumber(L, 3, -1), check_now(L, 4));
  return 0;
}

/* m:renewalfailed(now) */
static int renewal_failed (lua_State *L) {
  wsm_manager_renewal_failed(check(L), check_now(L, 2));
  return 0;
}

/* m:accept(protocol, headers, now) -> boolean */
static int accept (lua_State *L) {
  lua_pushboolean(L, wsm_manager_accept(check(L), luaL_optstring(L, 2, NULL),
                                        luaL_optstring(L, 3, NULL),
                                        check_now(L, 4)));
  return 1;
}

/* m:refuse(status, headers, body, now, persistent) -> boolean */
static int refuse (lua_State *L) {
  struct wsm_response response;
  memset(&response, 0, sizeof response);
  response.status = (int)luaL_checkinteger(L, 2);
  response.headers = luaL_optstring(L, 3, NULL);
  response.body = luaL_optlstring(L, 4, "", &response.length);
  response.persistent = lua_toboolean(L, 6);
  lua_pushboolean(L, wsm_manager_refuse(check(L), &response, check_now(L, 5)));
  return 1;
}

/* m:stop(now) */
static int stop (lua_State *L) {
  wsm_manager_stop(check(L), check_now(L, 2));
  return 0;
}

/* m:close(code, reason, now) */
static int close (lua_State *L) {
  struct wsm_close_params params;
  params.code = (unsigned)luaL_optinteger(L, 2, WSM_NO_STATUS);
  params.reason = luaL_optlstring(L, 3, "", &params.length);
  wsm_manager_close(check(L), &params, check_now(L, 4));
  return 0;
}

/* The table at i, { expires, volatile, id }, where the id stays on the stack; NULL:
** there is none. */
static const struct wsm_terms *read_terms (lua_State *L, int i,
                                           struct wsm_terms *terms) {
  const struct wsm_terms none = WSM_NO_TERMS;
  size_t n = 0;
  if (lua_isnoneornil(L, i)) return NULL;
  *terms = none;
  lua_getfield(L, i, "expires");
  if (!lua_isnil(L, -1)) terms->expires_ms = (uint64_t)lua_tonumber(L, -1);
  lua_getfield(L, i, "volatile");
  terms->is_volatile = lua_toboolean(L, -1);
  lua_getfield(L, i, "id");
  terms->id = (const unsigned char *)lua_tolstring(L, -1, &n);
  terms->id_length = (uint8_t)n;
  return terms;
}

/* m:send(data, binary, now or 0, terms) -> "sent" | "later" | "full" | "closed" ... */
static int send (lua_State *L) {
  struct wsm_message message;
  struct wsm_terms terms;
  message.data =
    (const unsigned char *)luaL_checklstring(L, 2, &message.length);
  message.binary = lua_toboolean(L, 3);
  return wsm_push_sent(L, wsm_manager_send(check(L), &message,
                                           read_terms(L, 5, &terms),
                                           (uint64_t)luaL_optnumber(L, 4, 0)));
}

/* m:next(now) -> data, kind | nil (none yet) | false (none will come) */
static int next (lua_State *L) {
  struct wsm_manager *m = check(L);
  struct wsm_message message;
  const enum wsm_input input = wsm_manager_next(m, &message, check_now(L, 2));
  const int n = wsm_push_input(L, input, &message);
  if (input == WSM_MESSAGE) wsm_manager_pop(m, &message);
  return n;
}

/* m:unsent() -> { data ... }, { kind ... }; empties the outbox */
static int unsent (lua_State *L) {
  return wsm_push_unsent(L, wsm_manager_outbox(check(L)));
}

/* --- called by the driver of the socket --- */

/* m:redirect(nonce) */
static int redirect (lua_State *L) {
  size_t n;
  const void *nonce = luaL_checklstring(L, 2, &n);
  luaL_argcheck(L, n == WSM_NONCE_SIZE, 2, "16 bytes expected");
  wsm_manager_redirect(check(L), nonce);
  return 0;
}

/* m:endpoint() -> host, port, whether it is wss: where to connect */
static int endpoint (lua_State *L) {
  const struct wsm_url *url = check(L)->request.url;
  lua_pushlstring(L, url ? url->host.text : "", url ? url->host.length : 0);
  lua_pushinteger(L, url ? url->port : 0);
  lua_pushboolean(L, url && url->secure);
  return 3;
}

static int connected (lua_State *L) {
  wsm_manager_connected(check(L), check_now(L, 2));
  return 0;
}

/* m:feed(bytes, now) -> boolean: false without memory */
static int feed (lua_State *L) {
  struct wsm_manager *m = check(L);
  size_t n;
  const char *bytes = luaL_checklstring(L, 2, &n);
  const bool fed = wsm_buffer_append(wsm_manager_input(m), bytes, n);
  if (fed) wsm_manager_commit(m, n, check_now(L, 3));
  lua_pushboolean(L, fed);
  return 1;
}

static int wrote (lua_State *L) {
  wsm_manager_wrote(check(L), (size_t)luaL_checkinteger(L, 2), check_now(L, 3));
  return 0;
}

static int output (lua_State *L) {
  size_t n;
  const unsigned char *bytes = wsm_manager_output(check(L), &n);
  lua_pushlstring(L, (const char *)bytes, n);
  return 1;
}

/* m:write(now) -> the output, all of it written to the socket */
static int write_all (lua_State *L) {
  const uint64_t now_ms = check_now(L, 2);
  size_t n;
  output(L);
  n = (size_t)lua_rawlen(L, -1);
  if (n > 0) wsm_manager_wrote(check(L), n, now_ms);
  return 1;
}

/* m:lost(token | nil, detail, final, now) */
static int lost (lua_State *L) {
  struct wsm_manager *m = check(L);
  const uint64_t now_ms = check_now(L, 5);
  struct wsm_error e;
  if (lua_isnil(L, 2)) {
    wsm_manager_lost(m, NULL, now_ms);
    return 0;
  }
  wsm_error_set(&e, check_token(L, 2), "%s", luaL_optstring(L, 3, ""));
  e.final = lua_toboolean(L, 4);
  wsm_manager_lost(m, &e, now_ms);
  return 0;
}

/* m:pause(paused, now): the driver stops or resumes reading */
static int pause_reading (lua_State *L) {
  struct wsm_manager *m = check(L);
  if (lua_toboolean(L, 2)) wsm_manager_pause(m, check_now(L, 3));
  else wsm_manager_resume(m, check_now(L, 3));
  return 0;
}

static int tick (lua_State *L) {
  wsm_manager_tick(check(L), check_now(L, 2));
  return 0;
}

/* m:keys(n): only n mask keys are left; nil: enough */
static int keys (lua_State *L) {
  struct wsm_manager_box *box = check_box(L);
  const lua_Integer n = luaL_optinteger(L, 2, -1);
  box->fixed_keys = n >= 0;
  if (n >= 0) box->keys.left = (size_t)n * WSM_KEY_SIZE;
  return 0;
}

/* --- its state --- */

static int deadline (lua_State *L) {
  const uint64_t at = wsm_manager_deadline(check(L));
  if (at == WSM_NEVER) lua_pushnil(L);
  else lua_pushinteger(L, (lua_Integer)at);
  return 1;
}

static int want (lua_State *L) {
  static const char *const names[] = {
    [WSM_WANT_NOTHING] = "nothing",   [WSM_WANT_TARGET] = "target",
    [WSM_WANT_REDIRECT] = "redirect", [WSM_WANT_CONNECT] = "connect",
    [WSM_WANT_FINISH] = "finish",     [WSM_WANT_DISCONNECT] = "disconnect",
  };
  lua_pushstring(L, names[wsm_manager_want(check(L))]);
  return 1;
}

static int state (lua_State *L) {
  lua_pushstring(L, wsm_state_name(wsm_manager_state(check(L))));
  return 1;
}

/* m:event() -> name, values; nil when there is none. As core.link.event, but
** "reconnecting" has its delay in milliseconds. */
static int event (lua_State *L) {
  struct wsm_manager *m = check(L);
  const int n = wsm_push_event(L, m);
  if (wsm_manager_event(m) == WSM_EVENT_RECONNECTING) {
    lua_pop(L, 1);
    lua_pushinteger(L, (lua_Integer)m->delay_ms);
  }
  wsm_manager_event_pop(m);
  return n;
}

static int counters (lua_State *L) {
  const struct wsm_manager *m = check(L);
  lua_newtable(L);
  wsm_set_count(L, "messages_in", m->counters.messages_in);
  wsm_set_count(L, "messages_out", m->counters.messages_out);
  wsm_set_count(L, "bytes_in", m->counters.bytes_in);
  wsm_set_count(L, "bytes_out", m->counters.bytes_out);
  wsm_set_count(L, "attempts", m->counters.attempts);
  wsm_set_count(L, "opens", m->counters.opens);
  wsm_set_count(L, "epoch", m->counters.epoch);
  wsm_set_count(L, "unsent", m->counters.unsent);
  wsm_set_count(L, "unread", m->counters.unread);
  wsm_set_count(L, "dropped", m->counters.dropped);
  wsm_set_count(L, "uncertain", m->counters.uncertain);
  wsm_set_count(L, "heartbeats", m->counters.heartbeats);
  wsm_set_count(L, "failures", m->failures);
  wsm_set_count(L, "waiting", m->outbox.count);
  wsm_set_count(L, "reject_status", m->reject_status);
  return 1;
}

static int buffered (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)wsm_manager_buffered(check(L)));
  return 1;
}

static int unread (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)wsm_manager_unread(check(L)));
  return 1;
}

static const luaL_Reg methods[] = {
  { "free", release },
  { "start", start },
  { "target", target },
  { "lock", lock },
  { "fail_target", wsm_spec_fail_target },
  { "verdict", verdict },
  { "renewalfailed", renewal_failed },
  { "accept", accept },
  { "refuse", refuse },
  { "stop", stop },
  { "close", close },
  { "send", send },
  { "next", next },
  { "unsent", unsent },
  { "connected", connected },
  { "redirect", redirect },
  { "endpoint", endpoint },
  { "feed", feed },
  { "wrote", wrote },
  { "output", output },
  { "write", write_all },
  { "lost", lost },
  { "pause", pause_reading },
  { "delivered", wsm_lua_delivered },
  { "tick", tick },
  { "keys", keys },
  { "deadline", deadline },
  { "want", want },
  { "state", state },
  { "event", event },
  { "counters", counters },
  { "buffered", buffered },
  { "unread", unread },
  { "latency", wsm_spec_latency },
  { "round_trips", wsm_spec_round_trips },
  { "notes", wsm_spec_notes },
  { "head", wsm_spec_head },
  { "why", wsm_spec_why },
  { "read_size", wsm_spec_read_size },
  { "full", wsm_spec_full },
  { "keep", wsm_spec_keep },
  { "await_room", wsm_spec_await_room },
  { "part", wsm_spec_part },
  { "address", wsm_spec_address },
  { "login_done", wsm_spec_login_done },
  { "login_failed", wsm_spec_login_failed },
  { "track", wsm_lua_track },
  { "confirm", wsm_lua_confirm },
  { "repeated", wsm_lua_repeated },
  { "unacknowledged", wsm_lua_unacknowledged },
  { "login_send", wsm_spec_login_send },
  { "login_next", wsm_spec_login_next },
  { "give_back", wsm_spec_give_back },
  { "login_over", wsm_spec_login_over },
  { "release", wsm_spec_release },
  { "recovered", wsm_lua_recovered },
  { "awaits", wsm_lua_awaits },
  { "ping", wsm_lua_ping },
  { "pong", wsm_lua_pong },
  { "heard", wsm_lua_heard },
  { "heartbeat", wsm_lua_heartbeat },
  { "acknowledge", wsm_lua_acknowledge },
  { "set_heartbeat", wsm_lua_set_heartbeat },
  { "wants_delivery", wsm_lua_wants_delivery },
  { "halfclosed", wsm_lua_half_closed },
  { NULL, NULL }
};

void wsm_push_manager (lua_State *L) {
  static const struct wsm_class class = { WSM_MANAGER_CLASS, methods, release,
                                          construct };
  wsm_push_class(L, &class);
}
