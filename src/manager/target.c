#include "manager/target.h"

#include "manager/attempts.h"
#include "manager/ending.h"
#include "manager/login.h"
#include "manager/redirects.h"
#include "base/hidden.h"

void wsm_target_begin (struct wsm_manager *m, uint64_t now_ms) {
  wsm_login_cut(m);
  wsm_login_forget(m);
  if (wsm_attempts_next(m, now_ms) > now_ms) {
    wsm_ending_wait(m, 0, now_ms);
    return;
  }
  m->opened_ms = WSM_NEVER;
  m->retry_after_ms = 0;
  m->status = 0;
  m->spoke = false;
  m->address = WSM_ADDRESS_UNKNOWN;
  m->clean = m->paused = m->recovered = m->may_shorten = false;
  wsm_state_enter(m, WSM_STATE_CONNECTING);
  m->step = WSM_STEP_TARGET;
  m->asks++;
  if (!m->policy->ask_target) return;
  m->due_ms = wsm_state_after(now_ms, m->policy->ask_ms);
  wsm_events_push(&m->events, WSM_EVENT_TARGET);
}

void wsm_target_start (struct wsm_manager *m, uint64_t now_ms) {
  if (m->role == WSM_SERVER) return;
  m->failures = 0;
  m->local = m->renewed = false;
  if (m->state == WSM_STATE_CONNECTING) return;
  wsm_login_cut(m);
  if (wsm_state_is_live(m) || m->state == WSM_STATE_CLOSING)
    wsm_ending_abandon(m, now_ms);
  wsm_target_begin(m, now_ms);
}

void wsm_target_start_anew (struct wsm_manager *m, uint64_t now_ms) {
  if (m->role == WSM_CLIENT && m->state == WSM_STATE_CONNECTING)
    wsm_state_enter(m, WSM_STATE_WAITING);
  wsm_target_start(m, now_ms);
}

static void want_socket (struct wsm_manager *m, const unsigned char *nonce) {
  wsm_key_write(m->key, nonce);
  m->step = WSM_STEP_CONNECT;
  m->want = WSM_WANT_CONNECT;
  m->counters.attempts++;
}

void wsm_target_set (struct wsm_manager *m, const struct wsm_request *request,
                     const unsigned char *nonce, uint64_t now_ms) {
  struct wsm_error e;
  if (m->step != WSM_STEP_TARGET) return;
  if (!wsm_attempts_note(m, now_ms)) {
    wsm_error_set(&e, WSM_FULL, "no memory for the rate of attempts");
    wsm_ending_end(m, &e, now_ms);
    return;
  }
  wsm_redirects_forget(m);
  m->request = *request;
  m->request.key = m->key;
  m->due_ms = wsm_state_after(now_ms, m->policy->open_ms);
  want_socket(m, nonce);
}

void wsm_target_follow (struct wsm_manager *m, const unsigned char *nonce) {
  if (m->step == WSM_STEP_REDIRECT) want_socket(m, nonce);
}

void wsm_target_lock (struct wsm_manager *m, const char *why) {
  if (m->step != WSM_STEP_TARGET && m->state != WSM_STATE_WAITING) return;
  wsm_state_lock(m, why);
  wsm_ending_lock(m);
}

void wsm_target_fail (struct wsm_manager *m, const struct wsm_error *e,
                      uint64_t now_ms) {
  if (m->step == WSM_STEP_TARGET) wsm_ending_end(m, e, now_ms);
}
