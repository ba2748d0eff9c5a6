#include "lua/protocol/spec_manager.h"

#include "lua/lfield.h"
#include <string.h>
#include "lua/protocol/spec_policy.h"
#include "observe/observer.h"
#include "base/hidden.h"

struct wsm_manager_box *wsm_check_manager_box (lua_State *L) {
  struct wsm_manager_box *box = luaL_checkudata(L, 1, WSM_MANAGER_CLASS);
  if (!box->live) luaL_error(L, "the manager is freed");
  if (!box->fixed_keys) box->keys.left = WSM_KEYS_SIZE;
  return box;
}

int wsm_push_sent (lua_State *L, enum wsm_sent sent) {
  static const char *const names[] = {
    [WSM_SENT] = "sent",          [WSM_SENT_LATER] = "later",
    [WSM_SEND_FULL] = "full",     [WSM_SEND_CLOSED] = "closed",
    [WSM_SEND_TOOBIG] = "toobig",
  };
  lua_pushstring(L, names[sent]);
  return 1;
}

int wsm_push_input (lua_State *L, enum wsm_input input,
                    const struct wsm_message *message) {
  if (input == WSM_MESSAGE) {
    lua_pushlstring(L, (const char *)message->data, message->length);
    lua_pushstring(L, message->binary ? "binary" : "text");
    return 2;
  }
  if (input == WSM_MORE) lua_pushnil(L);
  else lua_pushboolean(L, 0);
  return 1;
}

static struct wsm_manager *manager_of (lua_State *L) {
  return &wsm_check_manager_box(L)->manager;
}

static uint64_t now_of (lua_State *L, int i) {
  return (uint64_t)luaL_checknumber(L, i);
}

int wsm_lua_half_closed (lua_State *L) {
  lua_pushboolean(L, wsm_manager_half_closed(manager_of(L)));
  return 1;
}

/* --- acknowledged delivery --- */

int wsm_lua_confirm (lua_State *L) {
  size_t n;
  const char *id = luaL_checklstring(L, 2, &n);
  lua_pushboolean(L, wsm_manager_confirm(manager_of(L), id, n, now_of(L, 3)));
  return 1;
}

int wsm_lua_repeated (lua_State *L) {
  size_t n;
  const char *id = luaL_checklstring(L, 2, &n);
  lua_pushboolean(L, wsm_manager_is_repeated(manager_of(L), id, n));
  return 1;
}

int wsm_lua_unacknowledged (lua_State *L) {
  const struct wsm_message_queue *q = wsm_delivery_messages(manager_of(L));
  lua_pushinteger(L, q ? (lua_Integer)q->count : 0);
  lua_pushinteger(L, q ? (lua_Integer)q->payload : 0);
  return 2;
}

int wsm_lua_track (lua_State *L) {
  lua_pushboolean(L, wsm_sending_track(manager_of(L)));
  return 1;
}

/* --- liveness --- */

static bool is_true (lua_State *L, int i, const char *name) {
  bool truth;
  lua_getfield(L, i, name);
  truth = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return truth;
}

static uint64_t count_of (lua_State *L, int i, const char *name, uint64_t or) {
  uint64_t n = or ;
  lua_getfield(L, i, name);
  if (!lua_isnil(L, -1)) n = (uint64_t)lua_tonumber(L, -1);
  lua_pop(L, 1);
  return n;
}

int wsm_lua_delivered (lua_State *L) {
  struct wsm_manager *m = manager_of(L);
  struct wsm_delivery delivery;
  lua_settop(L, 5);
  memset(&delivery, 0, sizeof delivery);
  delivery.acknowledged = (uint64_t)luaL_checkinteger(L, 2);
  delivery.everything = lua_toboolean(L, 3);
  delivery.written = delivery.acknowledged + !delivery.everything;
  if (lua_istable(L, 5)) {
    delivery.written = count_of(L, 5, "written", delivery.written);
    delivery.unread = count_of(L, 5, "unread", 0);
    delivery.blocked = is_true(L, 5, "blocked");
    delivery.readable = is_true(L, 5, "readable");
    delivery.hung_up = is_true(L, 5, "hung_up");
  }
  wsm_manager_delivered(m, &delivery, now_of(L, 4));
  return 0;
}

int wsm_lua_set_heartbeat (lua_State *L) {
  struct wsm_manager *m = manager_of(L);
  struct wsm_policy policy;
  const bool given = lua_istable(L, 2);
  if (given) {
    wsm_policy_read(L, 2, &policy);
    lua_getfield(L, 2, "heartbeat_message");
    policy.heartbeat.message = lua_tolstring(L, -1, &policy.heartbeat.length);
  }
  lua_pushboolean(L, wsm_manager_set_heartbeat(
                       m, given ? &policy.heartbeat : NULL, now_of(L, 3)));
  return 1;
}

int wsm_lua_heartbeat (lua_State *L) {
  struct wsm_manager *m = manager_of(L);
  struct wsm_message message;
  message.data =
    (const unsigned char *)luaL_optlstring(L, 2, NULL, &message.length);
  message.binary = lua_toboolean(L, 3);
  lua_pushboolean(L, wsm_manager_heartbeat(m, &message));
  return 1;
}

int wsm_lua_acknowledge (lua_State *L) {
  wsm_manager_acknowledge_heartbeat(manager_of(L));
  return 0;
}

int wsm_lua_wants_delivery (lua_State *L) {
  lua_pushboolean(L, wsm_manager_wants_delivery(manager_of(L), now_of(L, 2)));
  return 1;
}

int wsm_lua_heard (lua_State *L) {
  wsm_manager_heard(manager_of(L), now_of(L, 2));
  return 0;
}

/* --- its state --- */

int wsm_spec_head (lua_State *L) {
  const struct wsm_manager *m = &wsm_check_manager_box(L)->manager;
  const char *text = (const char *)wsm_buffer_bytes(&m->head_text);
  const size_t length = wsm_buffer_length(&m->head_text);
  lua_pushlstring(L, text, m->head_length);
  lua_pushlstring(L, text ? text + m->head_length : NULL,
                  length - m->head_length);
  wsm_push_span(L, m->agreed.protocol);
  return 3;
}

int wsm_spec_why (lua_State *L) {
  char text[WSM_DETAIL_SIZE];
  wsm_state_explain(&wsm_check_manager_box(L)->manager, text);
  lua_pushstring(L, text);
  return 1;
}

int wsm_spec_read_size (lua_State *L) {
  const struct wsm_manager *m = &wsm_check_manager_box(L)->manager;
  lua_pushinteger(
    L, (lua_Integer)wsm_manager_read_size(m, (size_t)luaL_checkinteger(L, 2)));
  return 1;
}

int wsm_spec_part (lua_State *L) {
  struct wsm_manager *m = &wsm_check_manager_box(L)->manager;
  const uint64_t now_ms = (uint64_t)luaL_checknumber(L, 2);
  struct wsm_part part;
  const enum wsm_input input = wsm_manager_next(m, &part.message, now_ms);
  if (input != WSM_MESSAGE) return wsm_push_input(L, input, &part.message);
  wsm_inbox_part(m, &part);
  wsm_push_input(L, input, &part.message);
  lua_pushboolean(L, part.bits & WSM_REST);
  lua_pushboolean(L, part.bits & WSM_PART);
  lua_pushboolean(L, part.bits & WSM_BROKEN);
  wsm_inbox_pop_part(m, &part);
  return 5;
}

int wsm_spec_full (lua_State *L) {
  lua_pushboolean(
    L, wsm_manager_is_inbox_full(&wsm_check_manager_box(L)->manager));
  return 1;
}

int wsm_spec_keep (lua_State *L) {
  struct wsm_manager *m = &wsm_check_manager_box(L)->manager;
  lua_pushboolean(L, wsm_manager_keep(m, (size_t)luaL_checkinteger(L, 2)));
  return 1;
}

int wsm_spec_await_room (lua_State *L) {
  wsm_manager_await_room(&wsm_check_manager_box(L)->manager);
  return 0;
}

int wsm_spec_address (lua_State *L) {
  static const char *const names[] = { [WSM_ADDRESS_UNKNOWN] = "unknown",
                                       [WSM_ADDRESS_GOOD] = "good",
                                       [WSM_ADDRESS_BAD] = "bad" };
  const struct wsm_manager *m = &wsm_check_manager_box(L)->manager;
  lua_pushstring(L, names[wsm_manager_address(m)]);
  return 1;
}

/* --- attempts --- */

int wsm_spec_fail_target (lua_State *L) {
  struct wsm_manager *m = &wsm_check_manager_box(L)->manager;
  struct wsm_error e;
  wsm_error_set(&e, WSM_REFUSED, "%s", luaL_checkstring(L, 2));
  wsm_manager_fail_target(m, &e, (uint64_t)luaL_checknumber(L, 3));
  return 0;
}

int wsm_lua_recovered (lua_State *L) {
  wsm_manager_recovered(manager_of(L), now_of(L, 2));
  return 0;
}

int wsm_lua_awaits (lua_State *L) {
  lua_pushboolean(L, wsm_manager_awaits_recovery(manager_of(L)));
  return 1;
}

int wsm_lua_ping (lua_State *L) {
  const uint64_t now_ms = now_of(L, 3);
  struct wsm_message payload;
  uint64_t number;
  payload.data =
    (const unsigned char *)luaL_optlstring(L, 2, NULL, &payload.length);
  number =
    wsm_heartbeat_ping(manager_of(L), &payload, lua_toboolean(L, 4), now_ms);
  if (number == 0) return 0;
  lua_pushinteger(L, (lua_Integer)number);
  return 1;
}

int wsm_lua_pong (lua_State *L) {
  struct wsm_manager *m = manager_of(L);
  const uint64_t number = (uint64_t)luaL_checkinteger(L, 2);
  uint64_t ms = 0;
  if (!m->pings) return 0;
  switch (wsm_pings_take(m->pings, number, &ms)) {
    case WSM_PONG_LOST:
      return 0;
    case WSM_PONG_CAME:
      lua_pushinteger(L, (lua_Integer)ms);
      return 1;
    case WSM_PONG_AWAITED:
      break;
  }
  if (lua_toboolean(L, 3)) wsm_pings_forget(m->pings, number);
  lua_pushboolean(L, 0);
  return 1;
}

int wsm_spec_latency (lua_State *L) {
  const struct wsm_manager *m = manager_of(L);
  if (m->latency_ms < 0) lua_pushnil(L);
  else lua_pushinteger(L, (lua_Integer)m->latency_ms);
  if (!m->latencies) return 1;
  lua_pushnumber(L, m->latencies->smoothed_ms);
  lua_pushinteger(L, (lua_Integer)wsm_latency_p99(m->latencies));
  return 3;
}

/* --- what it counts and notes --- */

int wsm_spec_round_trips (lua_State *L) {
  const struct wsm_histogram *h = &wsm_check_manager_box(L)->totals.round_trip;
  lua_pushinteger(L, (lua_Integer)h->count);
  lua_pushnumber(L, h->sum);
  return 2;
}

/* { kind, at, a, b, text } */
static void push_note (lua_State *L, const struct wsm_note *note,
                       const unsigned char *text) {
  lua_createtable(L, 5, 0);
  lua_pushinteger(L, note->kind);
  lua_rawseti(L, -2, 1);
  lua_pushinteger(L, (lua_Integer)note->at_ms);
  lua_rawseti(L, -2, 2);
  lua_pushinteger(L, (lua_Integer)note->a);
  lua_rawseti(L, -2, 3);
  lua_pushinteger(L, (lua_Integer)note->b);
  lua_rawseti(L, -2, 4);
  lua_pushlstring(L, (const char *)text, note->length);
  lua_rawseti(L, -2, 5);
}

int wsm_spec_notes (lua_State *L) {
  struct wsm_manager *m = manager_of(L);
  const unsigned char *text;
  struct wsm_note note;
  int n = 0;
  if (!wsm_observer_set(&m->journal, true, 0))
    return luaL_error(L, "not enough memory");
  lua_newtable(L);
  while (wsm_journal_first(m->journal, &note, &text)) {
    push_note(L, &note, text);
    lua_rawseti(L, -2, ++n);
    wsm_journal_pop(m->journal);
  }
  return 1;
}
