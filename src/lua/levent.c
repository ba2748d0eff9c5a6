#include "lua/levent.h"

#include "lua/lbox.h"
#include "base/hidden.h"

static int push_error (lua_State *L, const struct wsm_manager *m) {
  lua_pushstring(L, wsm_token_name(m->error.token));
  lua_pushstring(L, m->error.detail);
  return 3;
}

static int push_close (lua_State *L, const struct wsm_manager *m) {
  lua_pushinteger(L, m->code);
  lua_pushlstring(L, m->reason_length ? m->reason : "", m->reason_length);
  lua_pushboolean(L, m->clean);
  return 4;
}

static int push_verdict (lua_State *L, const struct wsm_manager *m) {
  lua_pushstring(L, wsm_token_name(m->error.token));
  lua_pushinteger(L, m->code);
  lua_pushboolean(L, m->error.final);
  return 4;
}

static int push_attempt (lua_State *L, const struct wsm_manager *m) {
  lua_pushinteger(L, (lua_Integer)m->failures);
  return 2;
}

static int push_reconnecting (lua_State *L, const struct wsm_manager *m) {
  lua_pushinteger(L, (lua_Integer)m->failures);
  lua_pushnumber(L, (lua_Number)m->delay_ms / 1000);
  return 3;
}

static int push_locked (lua_State *L, const struct wsm_manager *m) {
  lua_pushstring(L, m->error.detail);
  return 2;
}

static int push_nothing (lua_State *L, const struct wsm_manager *m) {
  (void)L;
  (void)m;
  return 1;
}

/* Pushes the event's values, after its name; returns how many with the name. */
typedef int push_values (lua_State *L, const struct wsm_manager *m);

static const struct {
  const char *name;
  push_values *push;
} events[] = { [WSM_EVENT_NONE] = { "", push_nothing },
               [WSM_EVENT_TARGET] = { "target", push_attempt },
               [WSM_EVENT_REQUEST] = { "request", push_nothing },
               [WSM_EVENT_OPEN] = { "open", push_nothing },
               [WSM_EVENT_ERROR] = { "error", push_error },
               [WSM_EVENT_CLOSE] = { "close", push_close },
               [WSM_EVENT_VERDICT] = { "verdict", push_verdict },
               [WSM_EVENT_RECONNECTING] = { "reconnecting", push_reconnecting },
               [WSM_EVENT_LOCKED] = { "locked", push_locked },
               [WSM_EVENT_EXHAUSTED] = { "exhausted", push_nothing },
               [WSM_EVENT_DRAIN] = { "drain", push_nothing },
               [WSM_EVENT_FLUSHED] = { "flushed", push_nothing } };

int wsm_push_event (lua_State *L, const struct wsm_manager *m) {
  const enum wsm_event event = wsm_manager_event(m);
  if (event == WSM_EVENT_NONE) return 0;
  lua_pushstring(L, events[event].name);
  return events[event].push(L, m);
}

/* It is popped once its values are pushed: a memory error loses none. */
int wsm_lua_event (lua_State *L) {
  struct wsm_link *link = wsm_check_box(L, 1)->link;
  struct wsm_manager *m = wsm_link_manager(link);
  const int n = wsm_push_event(L, m);
  if (n == 0) return 0;
  wsm_manager_event_pop(m);
  wsm_link_update(link);
  return n;
}
