#include "lua/llink.h"

#include <string.h>
#include "base/utf8.h"
#include "link/mask_keys.h"
#include "lua/lbox.h"
#include "lua/lcheck.h"
#include "lua/lconfig.h"
#include "lua/lconnect.h"
#include "lua/levent.h"
#include "lua/lfail.h"
#include "lua/lffi.h"
#include "lua/lhttp.h"
#include "lua/llogin.h"
#include "lua/lloop.h"
#include "lua/lmessage.h"
#include "lua/lproperty.h"
#include "lua/lstate.h"
#include "lua/lstats.h"
#include "server/server.h"
#include "base/hidden.h"

#define CALLER 2 /* the level of who called the Lua method around a function */

static struct wsm_manager *manager_of (struct wsm_box *box) {
  return wsm_link_manager(box->link);
}

static struct wsm_manager *check_manager (lua_State *L) {
  return manager_of(wsm_check_box(L, 1));
}

static int drop (lua_State *L) {
  struct wsm_box *box = wsm_check_any_box(L, 1);
  struct wsm_link *link = box->link;
  box->link = NULL;
  if (link) wsm_server_free_link(link);
  wsm_box_clear(box);
  return 0;
}

/* Why it is closed, if it is the connection of a process before a fork. */
static int forked (lua_State *L) {
  struct wsm_link *link = wsm_box_link(wsm_check_any_box(L, 1));
  if (!link || wsm_loop_is_ours(wsm_link_handle(link)->loop)) return 0;
  lua_pushstring(L, wsm_link_manager(link)->error.detail);
  return 1;
}

static int id (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)wsm_link_id(wsm_check_box(L, 1)->link));
  return 1;
}

static int fields (lua_State *L) {
  wsm_check_any_box(L, 1);
  lua_getuservalue(L, 1);
  return 1;
}

static int set_codec (lua_State *L) {
  wsm_check_box(L, 1)->has_codec = lua_toboolean(L, 2);
  return 0;
}

static int set_identifies (lua_State *L) {
  wsm_check_box(L, 1)->identifies = lua_toboolean(L, 2);
  return 0;
}

static int set_shared (lua_State *L) {
  wsm_check_box(L, 1)->is_shared = lua_toboolean(L, 2);
  return 0;
}

/* keep(ws, bytes) -> are they more than half of the inbox? So much was taken, and is
** kept for those who have not asked yet. */
static int keep (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  lua_pushboolean(L, wsm_link_keep(box->link, (size_t)luaL_checknumber(L, 2)));
  return 1;
}

/* awaitroom(ws): the event "drain" follows, once there is room to send */
static int await_room (lua_State *L) {
  wsm_link_await_room(wsm_check_box(L, 1)->link);
  return 0;
}

static int push_too_many_pings (lua_State *L) {
  lua_pushnil(L);
  lua_pushstring(L, wsm_token_name(WSM_FULL));
  lua_pushfstring(
    L, "%d pings wait for their pongs already, or there is no memory",
    WSM_PINGS_AWAITED);
  return 3;
}

/* ping(ws, payload, awaited): true; awaited: its number, and the event "pong" comes
** when it was answered. */
static int ping (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  struct wsm_manager *m = manager_of(box);
  const bool awaited = lua_toboolean(L, 3);
  struct wsm_message payload;
  uint64_t number;
  payload.data = (const unsigned char *)luaL_optlstring(
    L, 2, awaited ? NULL : "", &payload.length);
  if (payload.length > WSM_CONTROL_LIMIT)
    return wsm_misuse(L, CALLER,
                      "a ping carries at most 125 bytes (RFC 6455 5.5)");
  if (m->state != WSM_STATE_OPEN) return wsm_push_end(L, m);
  wsm_mask_keys_refill(m->keys, 1);
  number = wsm_heartbeat_ping(
    m, &payload, awaited, wsm_loop_refresh(wsm_link_handle(box->link)->loop));
  if (number == 0 && awaited) return push_too_many_pings(L);
  if (number == 0) return luaL_error(L, "not enough memory");
  wsm_link_update(box->link);
  if (awaited) lua_pushnumber(L, (lua_Number)number);
  else lua_pushboolean(L, 1);
  return 1;
}

/* pong(ws, number, forget): in how many seconds a ping that is awaited was answered;
** false: not yet, and with `forget` it is awaited no more; nil: it never will. */
static int pong (lua_State *L) {
  struct wsm_manager *m = check_manager(L);
  const uint64_t number = (uint64_t)luaL_checknumber(L, 2);
  uint64_t ms = 0;
  enum wsm_pong found = m->pings ? wsm_pings_take(m->pings, number, &ms)
                                 : WSM_PONG_LOST;
  if (found == WSM_PONG_LOST) return 0;
  if (found == WSM_PONG_CAME) {
    lua_pushnumber(L, (lua_Number)ms / 1000);
    return 1;
  }
  if (lua_toboolean(L, 3)) wsm_pings_forget(m->pings, number);
  lua_pushboolean(L, 0);
  return 1;
}

/* setheartbeat(ws, options): other rules for heartbeats from now on; false: none. Raises
** for options of wrong types, or that do not agree. */
static int set_heartbeat (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  struct wsm_manager *m = manager_of(box);
  struct wsm_heartbeat_rules rules = *wsm_heartbeat_rules(m);
  struct wsm_error e;
  if (lua_istable(L, 2)) wsm_config_heartbeat(L, 2, &rules);
  else wsm_config_no_heartbeat(&rules);
  if (!wsm_heartbeat_rules_check(&rules, &e))
    return luaL_error(L, "%s", e.detail);
  if (!wsm_manager_set_heartbeat(m, &rules, wsm_link_now(box->link)))
    return luaL_error(L, "not enough memory");
  wsm_link_update(box->link);
  return 0;
}

/* heartbeat(ws, data, kind): the message that the event "heartbeat" asks for; a
** ping without one. Raises for text that is not UTF-8. */
static int heartbeat (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  struct wsm_manager *m = manager_of(box);
  struct wsm_message message;
  message.data =
    (const unsigned char *)luaL_optlstring(L, 2, NULL, &message.length);
  message.binary = strcmp(luaL_optstring(L, 3, "text"), "binary") == 0;
  if (message.data && !message.binary &&
      !wsm_utf8_valid(message.data, message.length))
    return luaL_error(L, "a heartbeat's text must be UTF-8");
  wsm_mask_keys_refill(m->keys, 1);
  if (!wsm_manager_heartbeat(m, &message))
    return luaL_error(L, "not enough memory");
  wsm_link_update(box->link);
  return 0;
}

/* A message that came is the answer to the heartbeats sent so far. */
static int acknowledge (lua_State *L) {
  wsm_manager_acknowledge_heartbeat(check_manager(L));
  return 0;
}

static void check_close (lua_State *L, unsigned code, const char *reason,
                         size_t n) {
  enum wsm_role role = check_manager(L)->role;
  if (code != WSM_NO_STATUS && !wsm_close_code_is_sendable(code, role)) {
    lua_pushvalue(L, 2);
    lua_pushfstring(
      L,
      "InvalidAccessError: the close code must be 1000%s or "
      "3000 to 4999, not %s",
      role == WSM_SERVER ? ", 1001, 1003, 1008, 1009, 1011 to 1014" : "",
      lua_tostring(L, -1));
    wsm_misuse(L, CALLER, lua_tostring(L, -1));
  }
  if (n > WSM_REASON_LIMIT) {
    lua_pushfstring(L,
                    "SyntaxError: the close reason has %d bytes, at most "
                    "123 are possible",
                    (int)n);
    wsm_misuse(L, CALLER, lua_tostring(L, -1));
  }
  if (!wsm_utf8_valid((const unsigned char *)reason, n))
    wsm_misuse(L, CALLER, "SyntaxError: the close reason must be UTF-8");
}

static unsigned check_code (lua_State *L, int i) {
  lua_Number code;
  if (lua_isnoneornil(L, i)) return WSM_NO_STATUS;
  code = luaL_checknumber(L, i);
  if (!(code >= 0 && code <= 65535) || code == WSM_NO_STATUS) code = 0;
  return (unsigned)code;
}

/* Of the code at 2 and the reason at 3; raises for bad ones. */
static struct wsm_close_params check_params (lua_State *L) {
  struct wsm_close_params params;
  params.code = check_code(L, 2);
  params.reason = luaL_optlstring(L, 3, "", &params.length);
  if (params.code == WSM_NO_STATUS && params.length > 0)
    params.code = WSM_NORMAL;
  check_close(L, params.code, params.reason, params.length);
  return params;
}

/* link.start(ws, code, reason, anew): with code or reason a close frame goes to an
** open connection first. */
static int start (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  struct wsm_manager *m = manager_of(box);
  const struct wsm_close_params params = check_params(L);
  uint64_t now_ms;
  if (wsm_manager_role(m) == WSM_SERVER)
    return luaL_error(L, "a server's connection cannot connect again");
  if (!wsm_loop_is_ours(wsm_link_handle(box->link)->loop))
    return wsm_fail_forked(L);
  now_ms = wsm_loop_refresh(wsm_link_handle(box->link)->loop);
  if (params.code != WSM_NO_STATUS && wsm_state_is_live(m))
    wsm_link_say_goodbye(box->link, &params);
  wsm_link_look(box->link);
  if (lua_toboolean(L, 4)) wsm_manager_start_anew(m, now_ms);
  else wsm_manager_start(m, now_ms);
  wsm_link_update(box->link);
  return 0;
}

/* Raises for what close or start would not take. */
static int check_end (lua_State *L) {
  (void)check_params(L);
  return 0;
}

static int close (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  const struct wsm_close_params params = check_params(L);
  wsm_link_close(box->link, &params);
  /* nothing follows a close frame: what still waits was never sent */
  lua_pushinteger(L, (lua_Integer)wsm_manager_outbox(manager_of(box))->count);
  return 1;
}

/* goaway(ws): the program stops (RFC 6455 7.4.1: 1001) */
static int go_away (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  struct wsm_close_params params;
  params.code = WSM_GOING_AWAY;
  params.reason = "the program stops";
  params.length = strlen(params.reason);
  wsm_link_close(box->link, &params);
  return 0;
}

static int abort_link (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  wsm_link_abort(box->link, luaL_checkstring(L, 2));
  return 0;
}

static int flush (lua_State *L) {
  wsm_link_flush(wsm_check_box(L, 1)->link);
  return 0;
}

/* Has the kernel taken everything that was sent? false: "flushed" comes. */
static int is_flushed (lua_State *L) {
  lua_pushboolean(L, wsm_manager_is_flushed(check_manager(L)));
  return 1;
}

/* true: there is a message; false: there will be none; nil: there may be one. */
static int is_pending (lua_State *L) {
  struct wsm_link *link = wsm_box_link(wsm_check_any_box(L, 1));
  struct wsm_message m;
  const enum wsm_input input = link ? wsm_link_next(link, &m) : WSM_ENDED;
  if (input == WSM_MORE) return 0;
  lua_pushboolean(L, input == WSM_MESSAGE);
  return 1;
}

static int unsent (lua_State *L) {
  return wsm_push_unsent(L, wsm_manager_outbox(check_manager(L)));
}

/* --- acknowledged delivery --- */

static const char *check_id (lua_State *L, size_t *n) {
  const char *id = luaL_checklstring(L, 2, n);
  luaL_argcheck(L, *n > 0 && *n <= WSM_ID_LIMIT, 2, "1 to 128 bytes expected");
  return id;
}

static int confirm (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  size_t n;
  const char *id = check_id(L, &n);
  const bool any =
    wsm_manager_confirm(manager_of(box), id, n, wsm_link_now(box->link));
  if (any) wsm_link_update(box->link);
  lua_pushboolean(L, any);
  return 1;
}

static int is_repeated (lua_State *L) {
  size_t n;
  const char *id = check_id(L, &n);
  lua_pushboolean(L, wsm_manager_is_repeated(check_manager(L), id, n));
  return 1;
}

/* The event "uncertain" comes from now on. */
static int track (lua_State *L) {
  if (!wsm_sending_track(check_manager(L)))
    return luaL_error(L, "not enough memory");
  return 0;
}

static int unacknowledged (lua_State *L) {
  struct wsm_message_queue none, *q = wsm_delivery_messages(check_manager(L));
  memset(&none, 0, sizeof none);
  wsm_push_unsent(L, q ? q : &none);
  wsm_delivery_forget(check_manager(L));
  return 2;
}

/* --- a server's side --- */

static int accept (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  const char *protocol = luaL_optstring(L, 2, NULL);
  const char *headers = luaL_optstring(L, 3, NULL);
  wsm_check_lines(L, 3);
  if (!wsm_manager_accept(manager_of(box), protocol, headers,
                          wsm_link_now(box->link)))
    return wsm_push_end(L, manager_of(box));
  lua_pushboolean(L, wsm_state_had_session(manager_of(box)));
  wsm_link_update(box->link);
  return 1;
}

static int refuse (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  struct wsm_response response;
  lua_Integer status = luaL_checkinteger(L, 2);
  memset(&response, 0, sizeof response);
  if (status < 200 || status > 599)
    return luaL_error(L, "bad HTTP status %d (200 to 599 expected)",
                      (int)status);
  response.status = (int)status;
  response.headers = luaL_optstring(L, 3, NULL);
  response.body = luaL_optlstring(L, 4, "", &response.length);
  response.head_only = lua_toboolean(L, 5);
  response.persistent = lua_toboolean(L, 6);
  wsm_check_lines(L, 3);
  if (!wsm_manager_refuse(manager_of(box), &response, wsm_link_now(box->link)))
    return luaL_error(L, "not enough memory");
  wsm_link_update(box->link);
  return 0;
}

static int stop (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  wsm_manager_stop(manager_of(box), wsm_link_now(box->link));
  wsm_link_update(box->link);
  return 0;
}

/* --- the metatable --- */

/* ws.name: a method (upvalue 1), a property of the core, or a field that Lua code
** set. */
static int lookup (lua_State *L) {
  const struct wsm_box *box;
  lua_pushvalue(L, 2);
  lua_rawget(L, lua_upvalueindex(1));
  if (!lua_isnil(L, -1)) return 1;
  box = wsm_check_any_box(L, 1);
  if (lua_type(L, 2) == LUA_TSTRING &&
      wsm_push_property(L, box, lua_tostring(L, 2)))
    return 1;
  lua_getuservalue(L, 1);
  lua_pushvalue(L, 2);
  lua_rawget(L, -2);
  return 1;
}

static const luaL_Reg functions[] = { { "id", id },
                                      { "forked", forked },
                                      { "fields", fields },
                                      { "codec", set_codec },
                                      { "share", set_shared },
                                      { "keep", keep },
                                      { "awaitroom", await_room },
                                      { "start", start },
                                      { "checkend", check_end },
                                      { "goaway", go_away },
                                      { "unfix", wsm_lua_unfix },
                                      { "target", wsm_lua_target },
                                      { "twin", wsm_lua_twin },
                                      { "migrate", wsm_lua_migrate },
                                      { "forward", wsm_lua_forward },
                                      { "renewlater", wsm_lua_renew_later },
                                      { "endmigration", wsm_lua_end_migration },
                                      { "lock", wsm_lua_lock },
                                      { "fail", wsm_lua_fail_target },
                                      { "verdict", wsm_lua_verdict },
                                      { "ping", ping },
                                      { "pong", pong },
                                      { "setheartbeat", set_heartbeat },
                                      { "heartbeat", heartbeat },
                                      { "acknowledge", acknowledge },
                                      { "close", close },
                                      { "abort", abort_link },
                                      { "flush", flush },
                                      { "unsent", unsent },
                                      { "identify", set_identifies },
                                      { "confirm", confirm },
                                      { "isrepeated", is_repeated },
                                      { "unacknowledged", unacknowledged },
                                      { "track", track },
                                      { "isflushed", is_flushed },
                                      { "ispending", is_pending },
                                      { "accept", accept },
                                      { "refuse", refuse },
                                      { "stop", stop },
                                      { "drop", drop },
                                      { "event", wsm_lua_event },
                                      { "ending", wsm_lua_ending },
                                      { "why", wsm_lua_why },
                                      { "stats", wsm_lua_stats },
                                      { "response", wsm_lua_response },
                                      { "request", wsm_lua_request },
                                      { NULL, NULL } };

/* Lets Lua code replace __index: unlike a class, it is not hidden. */
static void push_metatable (lua_State *L) {
  luaL_newmetatable(L, WSM_CONNECTION);
  lua_pushcfunction(L, drop);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, drop);
  lua_setfield(L, -2, "__close");
}

void wsm_set_link (lua_State *L) {
  push_metatable(L);
  lua_newtable(L); /* core metatable methods */
  lua_pushvalue(L, -1);
  lua_setfield(L, -4, "methods");
  lua_pushcclosure(L, lookup, 1);
  lua_setfield(L, -2, "__index");
  lua_setfield(L, -2, "metatable");
  luaL_newlib(L, functions);
  wsm_set_login(L);
  wsm_set_messages(L);
  wsm_set_ffi(L);
  lua_setfield(L, -2, "link");
  lua_pushcfunction(L, wsm_lua_connection);
  lua_setfield(L, -2, "connection");
}
