#include "manager/manager_internal.h"

#include <string.h>
#include "base/memory.h"

uint64_t wsm_manager_after (uint64_t now_ms, uint32_t ms) {
  return ms ? now_ms + ms : WSM_NEVER;
}

void wsm_manager_renew (struct wsm_manager *m) {
  struct wsm_session_setup setup;
  setup.role = (enum wsm_role)m->role;
  setup.limits = &m->policy->limits;
  setup.keys = m->keys;
  setup.pool = m->pool;
  setup.error = &m->error;
  m->missed = false;
  wsm_session_free(&m->session);
  wsm_session_init(&m->session, &setup);
}

void wsm_manager_init (struct wsm_manager *m,
                       const struct wsm_manager_setup *setup, uint64_t now_ms) {
  memset(m, 0, sizeof *m);
  m->policy = setup->policy;
  m->keys = setup->keys;
  m->pool = setup->pool;
  m->seed = setup->seed;
  m->role = (uint8_t)setup->role;
  m->outbox.bytes.pool = m->leftover.bytes.pool = m->pool;
  m->opened_ms = m->ping_ms = WSM_NEVER;
  m->latency_ms = -1;
  wsm_manager_renew(m);
  if (setup->role == WSM_CLIENT) {
    wsm_manager_enter(m, WSM_STATE_CLOSED, now_ms);
    return;
  }
  wsm_manager_enter(m, WSM_STATE_CONNECTING, now_ms);
  m->want = WSM_WANT_NOTHING;
  m->phase = WSM_PHASE_HEAD;
  m->due_ms = wsm_manager_after(now_ms, m->policy->open_ms);
}

void wsm_manager_free (struct wsm_manager *m) {
  wsm_session_free(&m->session);
  wsm_message_queue_clear(&m->outbox);
  wsm_message_queue_clear(&m->leftover);
  wsm_buffer_clear(&m->head_text);
  wsm_redirects_forget(m);
  wsm_free(m->reason);
  m->reason = NULL;
}

/* --- events --- */

static uint8_t *place (struct wsm_manager *m, unsigned i) {
  return &m->events[(m->event_first + i) % WSM_EVENTS];
}

bool wsm_manager_tells (const struct wsm_manager *m, enum wsm_event event) {
  unsigned i;
  for (i = 0; i < m->event_count; i++)
    if (m->events[(m->event_first + i) % WSM_EVENTS] == event) return true;
  return false;
}

static void forget (struct wsm_manager *m, enum wsm_event event) {
  unsigned i, kept = 0;
  for (i = 0; i < m->event_count; i++) {
    const uint8_t one = *place(m, i);
    if (one != event) *place(m, kept++) = one;
  }
  m->event_count = (uint8_t)kept;
}

/* One of a kind: the last, because an event's figures are the manager's own. */
void wsm_manager_tell (struct wsm_manager *m, enum wsm_event event) {
  forget(m, event);
  if (m->event_count == WSM_EVENTS) wsm_manager_event_pop(m);
  *place(m, m->event_count) = (uint8_t)event;
  m->event_count++;
}

enum wsm_event wsm_manager_event (const struct wsm_manager *m) {
  if (m->event_count == 0) return WSM_EVENT_NONE;
  return (enum wsm_event)m->events[m->event_first];
}

void wsm_manager_event_pop (struct wsm_manager *m) {
  if (m->event_count == 0) return;
  m->event_first = (uint8_t)((m->event_first + 1) % WSM_EVENTS);
  m->event_count--;
}

/* --- states --- */

static void take_back (struct wsm_manager *m) {
  if (wsm_manager_tells(m, WSM_EVENT_DRAIN)) m->starved = true;
  forget(m, WSM_EVENT_DRAIN);
  forget(m, WSM_EVENT_TARGET);
  forget(m, WSM_EVENT_REQUEST);
  forget(m, WSM_EVENT_VERDICT);
  forget(m, WSM_EVENT_RECONNECTING);
  forget(m, WSM_EVENT_LOCKED);
  forget(m, WSM_EVENT_EXHAUSTED);
}

static enum wsm_want wanted (enum wsm_state state) {
  switch (state) {
    case WSM_STATE_CONNECTING:
      return WSM_WANT_TARGET;
    case WSM_STATE_OPEN:
    case WSM_STATE_CLOSING:
      return WSM_WANT_NOTHING;
    default:
      return WSM_WANT_NO_SOCKET;
  }
}

void wsm_manager_enter (struct wsm_manager *m, enum wsm_state state,
                        uint64_t now_ms) {
  take_back(m);
  m->state = (uint8_t)state;
  m->want = (uint8_t)wanted(state);
  m->phase = WSM_PHASE_NONE;
  m->since_ms = now_ms;
  m->due_ms = WSM_NEVER;
  if (state == WSM_STATE_CLOSED) m->starved = false;
}

void wsm_manager_dial (struct wsm_manager *m, uint64_t now_ms) {
  m->opened_ms = WSM_NEVER;
  m->retry_after_ms = 0;
  m->clean = m->paused = false;
  wsm_manager_enter(m, WSM_STATE_CONNECTING, now_ms);
  m->phase = WSM_PHASE_TARGET;
  if (m->policy->ask_target) wsm_manager_tell(m, WSM_EVENT_TARGET);
}

/* --- what the owner says about dialling --- */

void wsm_manager_start (struct wsm_manager *m, uint64_t now_ms) {
  if (m->role == WSM_SERVER) return;
  m->failures = 0;
  m->local = false;
  if (m->state == WSM_STATE_CONNECTING) return;
  if (m->state == WSM_STATE_OPEN || m->state == WSM_STATE_CLOSING)
    wsm_ending_abandon(m);
  wsm_manager_dial(m, now_ms);
}

void wsm_manager_target (struct wsm_manager *m, const struct wsm_request *ask,
                         const unsigned char *nonce, uint64_t now_ms) {
  if (m->phase != WSM_PHASE_TARGET) return;
  wsm_redirects_forget(m);
  m->ask = *ask;
  wsm_key_write(m->key, nonce);
  m->ask.key = m->key;
  m->phase = WSM_PHASE_DIAL;
  m->want = WSM_WANT_SOCKET;
  m->due_ms = wsm_manager_after(now_ms, m->policy->open_ms);
  m->counters.dials++;
}

void wsm_manager_lock (struct wsm_manager *m, const char *why,
                       uint64_t now_ms) {
  if (m->phase != WSM_PHASE_TARGET && m->state != WSM_STATE_WAITING) return;
  wsm_error_set(&m->error, WSM_LOCKED, "%s", why);
  wsm_manager_enter(m, WSM_STATE_LOCKED, now_ms);
  wsm_manager_tell(m, WSM_EVENT_LOCKED);
}
