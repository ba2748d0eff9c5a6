#include "lua/levent.h"

#include <string.h>
#include "lua/lbox.h"
#include "lua/lfield.h"
#include "base/hidden.h"

/* What an event tells, read at once: what is pushed may run a finalizer, which
** may turn the loop. */
struct values {
  enum wsm_token token;
  unsigned code;
  uint32_t failures, delay_ms, moves, asks;
  uint32_t retry_after_ms;
  uint64_t epoch; /* the connection, counted from 1; 0: none was open yet */
  unsigned status;
  bool clean, final, opened, login;
  enum wsm_token dropped_token, untaken_token;
  struct wsm_dropped dropped, untaken, uncertain;
  uint8_t reason_length;
  char reason[WSM_CONTROL_LIMIT];
  char detail[WSM_DETAIL_SIZE];
  char why[WSM_DETAIL_SIZE];
};

static void read_values (struct values *v, const struct wsm_manager *m) {
  v->token = m->error.token;
  v->final = m->error.final;
  v->code = m->code;
  v->clean = m->clean;
  v->login = m->login != NULL;
  v->opened = wsm_state_was_open(m) && !v->login;
  v->status = m->status;
  v->retry_after_ms = m->retry_after_ms;
  v->failures = m->failures;
  v->delay_ms = m->delay_ms;
  v->epoch = m->counters.epoch;
  v->dropped_token = wsm_sending_untold(m, &v->dropped);
  v->untaken_token = wsm_sending_untaken(m, &v->untaken);
  wsm_sending_uncertain(m, &v->uncertain);
  v->moves = m->moves;
  v->asks = m->asks;
  v->reason_length = m->reason_length;
  if (m->reason_length) memcpy(v->reason, m->reason, m->reason_length);
  memcpy(v->detail, m->error.detail, sizeof v->detail);
}

static int push_error (lua_State *L, const struct values *v) {
  lua_pushstring(L, wsm_token_name(v->token));
  lua_pushstring(L, v->detail);
  return 3;
}

static int push_close (lua_State *L, const struct values *v) {
  lua_pushinteger(L, (lua_Integer)v->code);
  lua_pushlstring(L, v->reason, v->reason_length);
  lua_pushboolean(L, v->clean);
  return 4;
}

static int push_verdict (lua_State *L, const struct values *v) {
  lua_pushstring(L, wsm_token_name(v->token));
  lua_pushinteger(L, (lua_Integer)v->code);
  lua_pushboolean(L, v->final);
  return 4;
}

static int push_attempt (lua_State *L, const struct values *v) {
  lua_pushinteger(L, (lua_Integer)v->failures);
  lua_pushinteger(L, (lua_Integer)v->moves);
  lua_pushinteger(L, (lua_Integer)v->asks);
  return 4;
}

static int push_login (lua_State *L, const struct values *v) {
  lua_pushinteger(L, (lua_Integer)v->failures);
  lua_pushinteger(L, (lua_Integer)v->epoch);
  return 3;
}

static int push_reconnecting (lua_State *L, const struct values *v) {
  lua_pushinteger(L, (lua_Integer)v->failures);
  lua_pushnumber(L, (lua_Number)v->delay_ms / 1000);
  return 3;
}

static int push_locked (lua_State *L, const struct values *v) {
  lua_pushstring(L, v->detail);
  return 2;
}

static int push_dropped (lua_State *L, const struct values *v) {
  lua_pushinteger(L, (lua_Integer)v->dropped.count);
  lua_pushinteger(L, (lua_Integer)v->dropped.bytes);
  lua_pushstring(L, wsm_token_name(v->dropped_token));
  return 4;
}

static int push_untaken (lua_State *L, const struct values *v) {
  lua_pushinteger(L, (lua_Integer)v->untaken.count);
  lua_pushinteger(L, (lua_Integer)v->untaken.bytes);
  lua_pushstring(L, wsm_token_name(v->untaken_token));
  return 4;
}

static int push_uncertain (lua_State *L, const struct values *v) {
  lua_pushinteger(L, (lua_Integer)v->uncertain.count);
  lua_pushinteger(L, (lua_Integer)v->uncertain.bytes);
  return 3;
}

static int push_exhausted (lua_State *L, const struct values *v) {
  lua_pushstring(L, v->why);
  return 2;
}

static int push_nothing (lua_State *L, const struct values *v) {
  (void)L;
  (void)v;
  return 1;
}

/* Pushes the event's values, after its name; returns how many with the name. */
typedef int push_values (lua_State *L, const struct values *v);

static const struct {
  const char *name;
  push_values *push;
} events[] = { [WSM_EVENT_NONE] = { "", push_nothing },
               [WSM_EVENT_TARGET] = { "target", push_attempt },
               [WSM_EVENT_REQUEST] = { "request", push_nothing },
               [WSM_EVENT_LOGIN] = { "login", push_login },
               [WSM_EVENT_ROOM] = { "room", push_nothing },
               [WSM_EVENT_CUT] = { "cut", push_nothing },
               [WSM_EVENT_OPEN] = { "open", push_nothing },
               [WSM_EVENT_ERROR] = { "error", push_error },
               [WSM_EVENT_CLOSE] = { "close", push_close },
               [WSM_EVENT_VERDICT] = { "verdict", push_verdict },
               [WSM_EVENT_RECONNECTING] = { "reconnecting", push_reconnecting },
               [WSM_EVENT_LOCKED] = { "locked", push_locked },
               [WSM_EVENT_EXHAUSTED] = { "exhausted", push_exhausted },
               [WSM_EVENT_DRAIN] = { "drain", push_nothing },
               [WSM_EVENT_PONG] = { "pong", push_nothing },
               [WSM_EVENT_FLUSHED] = { "flushed", push_nothing },
               [WSM_EVENT_HEARTBEAT] = { "heartbeat", push_nothing },
               [WSM_EVENT_DROPPED] = { "dropped", push_dropped },
               [WSM_EVENT_UNTAKEN] = { "untaken", push_untaken },
               [WSM_EVENT_UNCERTAIN] = { "uncertain", push_uncertain },
               [WSM_EVENT_RENEW] = { "renew", push_nothing } };

int wsm_push_event (lua_State *L, const struct wsm_manager *m) {
  const enum wsm_event event = wsm_manager_event(m);
  struct values v;
  if (event == WSM_EVENT_NONE) return 0;
  read_values(&v, m);
  if (event == WSM_EVENT_EXHAUSTED) wsm_state_explain(m, v.why);
  lua_pushstring(L, events[event].name);
  return events[event].push(L, &v);
}

/* Popped once its values are pushed: a memory error loses none, and if a
** finalizer changed what there is, the values are pushed anew. */
int wsm_lua_event (lua_State *L) {
  const struct wsm_box *box = wsm_check_box(L, 1);
  const int top = lua_gettop(L);
  struct wsm_link *link;
  struct wsm_manager *m;
  uint32_t changes;
  int n;
  do {
    lua_settop(L, top);
    link = wsm_box_link(box);
    if (!link) return 0;
    m = wsm_link_manager(link);
    if (m->journal && !wsm_journal_is_empty(m->journal)) {
      lua_pushliteral(L, "notes");
      return 1;
    }
    changes = m->events.changes;
    n = wsm_push_event(L, m);
  } while (wsm_box_link(box) != link || m->events.changes != changes);
  if (n == 0) return 0;
  wsm_manager_event_pop(m);
  wsm_link_update(link);
  return n;
}

/* link.why(ws) -> a sentence */
int wsm_lua_why (lua_State *L) {
  char why[WSM_DETAIL_SIZE];
  wsm_state_explain(wsm_link_manager(wsm_check_box(L, 1)->link), why);
  lua_pushstring(L, why);
  return 1;
}

static void set_reason (lua_State *L, const struct values *v) {
  lua_pushlstring(L, v->reason, v->reason_length);
  lua_setfield(L, -2, "reason");
}

int wsm_lua_ending (lua_State *L) {
  struct values v;
  read_values(&v, wsm_link_manager(wsm_check_box(L, 1)->link));
  lua_createtable(L, 0, 12);
  wsm_set_string(L, "token", wsm_token_name(v.token));
  wsm_set_string(L, "detail", v.detail);
  wsm_set_integer(L, "code", (int)v.code);
  set_reason(L, &v);
  wsm_set_boolean(L, "clean", v.clean);
  if (v.status) wsm_set_integer(L, "status", (int)v.status);
  wsm_set_boolean(L, "final", v.final);
  wsm_set_count(L, "attempt", (uint64_t)v.failures + 1);
  wsm_set_boolean(L, "opened", v.opened);
  wsm_set_boolean(L, "login", v.login);
  wsm_set_count(L, "epoch", v.epoch);
  wsm_set_count(L, "ask", v.asks);
  if (v.retry_after_ms)
    wsm_set_number(L, "retry_after", v.retry_after_ms / 1000.0);
  return 1;
}
