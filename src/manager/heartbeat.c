#include "manager/heartbeat.h"

#include <string.h>
#include "base/hidden.h"

#define ANSWER_MS 1000 /* a heartbeat this long before death may be late */

void wsm_heartbeat_start (struct wsm_manager *m, uint64_t now_ms) {
  m->received_ms = m->last_heartbeat_ms = now_ms;
  m->ping_ms = WSM_NEVER;
}

static uint64_t due_at (const struct wsm_manager *m) {
  const uint64_t last_ms = m->last_heartbeat_ms;
  const uint64_t from_ms = last_ms > m->received_ms ? last_ms : m->received_ms;
  return wsm_state_after(from_ms, m->policy->heartbeat_interval_ms);
}

static uint64_t dead_at (const struct wsm_manager *m) {
  if (m->paused) return WSM_NEVER;
  return wsm_state_after(m->received_ms, m->policy->heartbeat_timeout_ms);
}

bool wsm_heartbeat_is_dead (const struct wsm_manager *m, uint64_t now_ms,
                            struct wsm_error *e) {
  if (now_ms < dead_at(m)) return false;
  wsm_error_set(e, WSM_TIMEOUT, "the peer sent nothing for %g s",
                m->policy->heartbeat_timeout_ms / 1000.0);
  return true;
}

void wsm_heartbeat_tick (struct wsm_manager *m, uint64_t now_ms) {
  const struct wsm_policy *p = m->policy;
  if (now_ms < due_at(m)) return;
  m->last_heartbeat_ms = now_ms;
  /* the peer takes nothing: one more behind the rest would prove nothing */
  if (wsm_session_pending(&m->session) >= p->output_bytes) return;
  if (p->heartbeat_message)
    wsm_session_send(&m->session, p->heartbeat_binary ? WSM_BINARY : WSM_TEXT,
                     p->heartbeat_message, p->heartbeat_length);
  else if (wsm_session_ping(&m->session, m->ping_number + 1)) {
    m->ping_number++;
    m->ping_ms = now_ms;
  }
}

uint64_t wsm_heartbeat_deadline (const struct wsm_manager *m) {
  const uint64_t due_ms = due_at(m), dead_ms = dead_at(m);
  return due_ms < dead_ms ? due_ms : dead_ms;
}

bool wsm_heartbeat_is_lax (const struct wsm_manager *m) {
  const struct wsm_policy *p = m->policy;
  return !p->heartbeat_timeout_ms ||
         p->heartbeat_timeout_ms >=
           (uint64_t)p->heartbeat_interval_ms + ANSWER_MS;
}

bool wsm_heartbeat_matches (const struct wsm_manager *m,
                            const struct wsm_message *message) {
  const struct wsm_policy *p = m->policy;
  return p->heartbeat_message && message->binary == p->heartbeat_binary &&
         message->length == p->heartbeat_length &&
         memcmp(message->data, p->heartbeat_message, p->heartbeat_length) == 0;
}
