#include "lua/lstate.h"

#include <stdio.h>
#include <string.h>
#include "base/hidden.h"

static const struct {
  const char *name;
  int ready_state;
} states[] = { [WSM_STATE_CONNECTING] = { "connecting", 0 },
               [WSM_STATE_LOGIN] = { "connecting", 0 },
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

/* What is pushed may run a finalizer, which may change the manager: it is read
** before. */
int wsm_push_end (lua_State *L, const struct wsm_manager *m) {
  enum wsm_token token = WSM_CLOSED;
  char detail[WSM_DETAIL_SIZE];
  if (m->state == WSM_STATE_LOCKED) token = WSM_LOCKED;
  if (m->state == WSM_STATE_EXHAUSTED) token = WSM_EXHAUSTED;
  wsm_state_explain(m, detail);
  lua_pushnil(L);
  lua_pushstring(L, wsm_token_name(token));
  lua_pushstring(L, detail);
  return 3;
}
