#include "lua/lstate.h"
#include "base/hidden.h"

static const struct {
  const char *name;
  int ready_state;
} states[] = { [WSM_STATE_CONNECTING] = { "connecting", 0 },
               [WSM_STATE_OPEN] = { "open", 1 },
               [WSM_STATE_CLOSING] = { "closing", 2 },
               [WSM_STATE_CLOSED] = { "closed", 3 },
               [WSM_STATE_WAITING] = { "waiting", 0 },
               [WSM_STATE_LOCKED] = { "locked", 3 },
               [WSM_STATE_EXHAUSTED] = { "exhausted", 3 } };

#define STATES (sizeof states / sizeof *states)

const char *wsm_state_name (unsigned state) {
  return state < STATES ? states[state].name : "";
}

int wsm_ready_state (unsigned state) {
  return state < STATES ? states[state].ready_state : 3;
}

int wsm_push_end (lua_State *L, const struct wsm_manager *m) {
  enum wsm_token token = WSM_CLOSED;
  if (m->state == WSM_STATE_LOCKED) token = WSM_LOCKED;
  if (m->state == WSM_STATE_EXHAUSTED) token = WSM_EXHAUSTED;
  lua_pushnil(L);
  lua_pushstring(L, wsm_token_name(token));
  if (m->error.token != WSM_NONE) lua_pushstring(L, m->error.detail);
  else if (m->code != 0)
    lua_pushfstring(L, "the connection was closed (%d)", (int)m->code);
  else lua_pushfstring(L, "the connection is %s", wsm_state_name(m->state));
  return 3;
}
