#include "manager/state.h"

#include <string.h>
#include "base/memory.h"
#include "base/hidden.h"

static void remove_old_events (struct wsm_manager *m) {
  static const enum wsm_event of_state[] = {
    WSM_EVENT_ROOM,         WSM_EVENT_CUT,     WSM_EVENT_DRAIN,
    WSM_EVENT_TARGET,       WSM_EVENT_REQUEST, WSM_EVENT_VERDICT,
    WSM_EVENT_RECONNECTING, WSM_EVENT_LOCKED,  WSM_EVENT_EXHAUSTED
  };
  size_t i;
  if (wsm_events_has(&m->events, WSM_EVENT_DRAIN)) m->drain_due = true;
  /* what came before the end may say why: a login has yet to begin */
  if (!m->login || m->login->left.count == 0)
    wsm_events_remove(&m->events, WSM_EVENT_LOGIN);
  for (i = 0; i < sizeof of_state / sizeof *of_state; i++)
    wsm_events_remove(&m->events, of_state[i]);
}

static enum wsm_want want_of (enum wsm_state state) {
  switch (state) {
    case WSM_STATE_CONNECTING:
      return WSM_WANT_TARGET;
    case WSM_STATE_LOGIN:
    case WSM_STATE_OPEN:
    case WSM_STATE_CLOSING:
      return WSM_WANT_NOTHING;
    default:
      return WSM_WANT_DISCONNECT;
  }
}

void wsm_state_enter (struct wsm_manager *m, enum wsm_state state) {
  remove_old_events(m);
  m->state = (uint8_t)state;
  m->want = (uint8_t)want_of(state);
  m->step = WSM_STEP_NONE;
  m->hold = WSM_HOLD_NONE;
  m->due_ms = WSM_NEVER;
  m->draining = false;
  if (state != WSM_STATE_OPEN)
    wsm_events_remove(&m->events, WSM_EVENT_HEARTBEAT);
  if (state == WSM_STATE_CLOSED) m->drain_due = false;
}

void wsm_state_renew_session (struct wsm_manager *m) {
  struct wsm_session_setup setup;
  setup.role = (enum wsm_role)m->role;
  setup.limits = &m->policy->limits;
  setup.keys = m->keys;
  setup.pool = m->pool;
  setup.error = &m->error;
  m->dropped = false;
  wsm_session_free(&m->session);
  wsm_session_init(&m->session, &setup);
}

void wsm_state_set_reason (struct wsm_manager *m, const char *reason,
                           size_t n) {
  wsm_free(m->reason);
  m->reason = n ? wsm_alloc(n) : NULL;
  m->reason_length = m->reason ? (uint8_t)n : 0;
  if (m->reason) memcpy(m->reason, reason, n);
}

void wsm_state_clear_error (struct wsm_manager *m) {
  m->error.token = WSM_NONE;
  m->error.final = false;
  m->error.detail[0] = '\0';
}
