#include "manager/manager.h"

#include <string.h>
#include "base/memory.h"
#include "manager/attempts.h"
#include "manager/close_wait.h"
#include "manager/ending.h"
#include "manager/http_server.h"
#include "manager/login.h"
#include "manager/opening_handshake.h"
#include "manager/redirects.h"
#include "manager/target.h"
#include "observe/observer.h"
#include "base/hidden.h"

/* How long a peer's close may wait behind messages that the application does
** not read. */
#define CLOSE_GRACE_MS 1000

void wsm_manager_init (struct wsm_manager *m,
                       const struct wsm_manager_setup *setup, uint64_t now_ms) {
  memset(m, 0, sizeof *m);
  m->policy = setup->policy;
  m->keys = setup->keys;
  m->pool = setup->pool;
  m->jitter_seed = setup->seed;
  m->role = (uint8_t)setup->role;
  m->outbox.bytes.pool = m->undelivered.bytes.pool = m->pool;
  m->opened_ms = m->ping_ms = m->renew_ms = WSM_NEVER;
  m->latency_ms = -1;
  wsm_state_renew_session(m);
  if (setup->role == WSM_CLIENT) {
    wsm_state_enter(m, WSM_STATE_CLOSED);
    return;
  }
  m->epoch_ms = setup->clock_ms - (int64_t)now_ms;
  if (setup->clock_ms == 0) m->epoch_ms = 0;
  wsm_state_enter(m, WSM_STATE_CONNECTING);
  m->want = WSM_WANT_NOTHING;
  m->step = setup->tls ? WSM_STEP_CONNECT : WSM_STEP_HEAD;
  m->due_ms = wsm_state_after(now_ms, m->policy->open_ms);
}

static void clear_received (struct wsm_manager *m) {
  wsm_message_queue_clear(&m->undelivered);
  if (m->held) wsm_message_queue_clear(m->held);
  wsm_free(m->held);
  m->held = NULL;
}

void wsm_manager_free (struct wsm_manager *m) {
  wsm_session_free(&m->session);
  wsm_delivery_free(m);
  wsm_sending_free(m);
  wsm_message_queue_clear(&m->outbox);
  clear_received(m);
  wsm_buffer_clear(&m->head_text);
  wsm_free(m->agreed_text);
  wsm_redirects_forget(m);
  wsm_login_forget(m);
  wsm_attempts_free(m);
  wsm_free(m->reason);
  m->reason = NULL;
  wsm_heartbeat_free(m);
  wsm_observer_set(&m->journal, false, 0);
}

void wsm_manager_renewal_failed (struct wsm_manager *m, uint64_t now_ms) {
  if (m->state == WSM_STATE_OPEN) wsm_attempts_renewal_failed(m, now_ms);
}

bool wsm_manager_left_origin (const struct wsm_manager *m) {
  return wsm_redirects_left_origin(m);
}

bool wsm_manager_left_host (const struct wsm_manager *m) {
  return wsm_redirects_left_host(m);
}

/* --- the opening handshake --- */

/* Reads on as far as it goes while the first message is not taken. */
static inline enum wsm_input
read_on (struct wsm_manager *m, struct wsm_message *message, uint64_t now_ms) {
  const bool had_message = m->session.has_message;
  const enum wsm_input input = wsm_session_next(&m->session, message);
  if (input == WSM_MESSAGE && !had_message) wsm_heartbeat_note_message(m);
  wsm_heartbeat_note_pong(m, now_ms);
  if (input == WSM_ENDED) wsm_ending_session_ended(m, now_ms);
  return input;
}

static void start_session (struct wsm_manager *m, uint64_t now_ms) {
  wsm_login_start(m, now_ms);
  if (wsm_state_is_live(m)) read_on(m, NULL, now_ms);
}

void wsm_manager_login_done (struct wsm_manager *m, uint64_t epoch,
                             uint64_t now_ms) {
  if (wsm_login_done(m, epoch, now_ms)) read_on(m, NULL, now_ms);
}

/* Goes on from how far the opening handshake is; e: why it failed. */
static void continue_opening (struct wsm_manager *m, enum wsm_opening opening,
                              const struct wsm_error *e, uint64_t now_ms) {
  switch (opening) {
    case WSM_OPENING_MORE:
      return;
    case WSM_OPENING_OPENED:
      start_session(m, now_ms);
      return;
    case WSM_OPENING_REDIRECT:
      m->step = WSM_STEP_REDIRECT;
      m->want = WSM_WANT_REDIRECT;
      return;
    case WSM_OPENING_REQUEST:
      wsm_events_push(&m->events, WSM_EVENT_REQUEST);
      return;
    case WSM_OPENING_REJECTED:
      wsm_ending_rejected(m, now_ms);
      return;
    case WSM_OPENING_FAILED:
      wsm_ending_end(m, e, now_ms);
      return;
  }
}

void wsm_manager_connected (struct wsm_manager *m, uint64_t now_ms) {
  struct wsm_error e;
  if (m->step != WSM_STEP_CONNECT) return;
  if (m->role == WSM_SERVER) m->step = WSM_STEP_HEAD;
  else if (wsm_opening_request(m, &e)) m->want = WSM_WANT_NOTHING;
  else wsm_ending_end(m, &e, now_ms);
}

bool wsm_manager_accept (struct wsm_manager *m, const char *protocol,
                         const char *headers, uint64_t now_ms) {
  if (m->step != WSM_STEP_REQUEST) return true;
  if (m->reject_status) {
    if (!wsm_http_server_respond_invalid(m, now_ms)) return false;
    wsm_ending_rejected(m, now_ms);
    return true;
  }
  if (!wsm_http_server_accept(m, protocol, headers)) return false;
  start_session(m, now_ms);
  return true;
}

/* The response has as long as the end of a connection, which it may be. */
static void await_written (struct wsm_manager *m, uint64_t now_ms) {
  m->step = WSM_STEP_RESPONSE;
  wsm_close_wait_start(m, m->policy->close_ms, now_ms);
}

bool wsm_manager_refuse (struct wsm_manager *m,
                         const struct wsm_response *response, uint64_t now_ms) {
  if (m->step != WSM_STEP_REQUEST) return true;
  if (!wsm_http_server_respond(m, response, now_ms)) return false;
  if (m->persistent) await_written(m, now_ms);
  else wsm_ending_rejected(m, now_ms);
  return true;
}

void wsm_manager_stop (struct wsm_manager *m, uint64_t now_ms) {
  struct wsm_error e;
  if (m->role != WSM_SERVER || m->state != WSM_STATE_CONNECTING) return;
  continue_opening(m, wsm_http_server_stop(m, now_ms, &e), &e, now_ms);
}

/* --- bytes --- */

void wsm_manager_read_behind (struct wsm_manager *m, uint64_t now_ms) {
  if (!wsm_state_reads(m)) return;
  if (m->session.has_message) wsm_heartbeat_scan(m, now_ms);
  else read_on(m, NULL, now_ms);
}

void wsm_manager_received (struct wsm_manager *m, size_t n, uint64_t now_ms) {
  struct wsm_error e;
  wsm_heartbeat_received(m, now_ms);
  m->counters.bytes_in += n;
  switch (m->state) {
    case WSM_STATE_OPEN:
    case WSM_STATE_LOGIN:
      read_on(m, NULL, now_ms);
      return;
    case WSM_STATE_CONNECTING:
      continue_opening(m, wsm_opening_read(m, n, now_ms, &e), &e, now_ms);
      return;
    case WSM_STATE_CLOSING:
      if (m->draining || m->leaving) read_on(m, NULL, now_ms);
      else wsm_ending_received(m);
      return;
    default:
      wsm_buffer_clear(&m->session.in);
  }
}

/* Of so many bytes of output that were pending. A pong may follow them now. */
static void note_written (struct wsm_manager *m, size_t pending,
                          uint64_t now_ms) {
  const size_t left = wsm_manager_pending(m);
  wsm_heartbeat_wrote(m, left < pending ? pending - left : 0, now_ms);
}

void wsm_manager_wrote (struct wsm_manager *m, size_t n, uint64_t now_ms) {
  const size_t pending = wsm_manager_pending(m);
  struct wsm_error e;
  if (n > 0) m->sent_ms = now_ms;
  wsm_session_sent(&m->session, n);
  if (m->heartbeat.watching) note_written(m, pending, now_ms);
  m->counters.bytes_out += n;
  if (m->sending) wsm_sending_wrote(m, now_ms);
  if (m->state == WSM_STATE_OPEN) wsm_outbox_refill(m, now_ms);
  else if (m->state == WSM_STATE_LOGIN) wsm_login_note_room(m, now_ms);
  else if (m->step == WSM_STEP_RESPONSE && wsm_manager_pending(m) == 0)
    continue_opening(m, wsm_http_server_next(m, now_ms, &e), &e, now_ms);
  wsm_outbox_note_flushed(m);
}

bool wsm_manager_is_flushed (struct wsm_manager *m) {
  m->flush_due = !wsm_outbox_is_flushed(m);
  return !m->flush_due;
}

/* --- messages --- */

enum wsm_sent wsm_manager_send (struct wsm_manager *m,
                                const struct wsm_message *message,
                                const struct wsm_terms *terms,
                                uint64_t now_ms) {
  if (message->length > m->policy->send_bytes) return WSM_SEND_TOOBIG;
  switch (m->state) {
    case WSM_STATE_OPEN:
      return wsm_outbox_send(m, message, terms, now_ms);
    case WSM_STATE_CONNECTING:
    case WSM_STATE_LOGIN:
    case WSM_STATE_WAITING:
    case WSM_STATE_LOCKED:
      return wsm_outbox_send_later(m, message, terms, now_ms);
    default:
      return WSM_SEND_CLOSED;
  }
}

enum wsm_sent wsm_manager_may_send (const struct wsm_manager *m) {
  if (m->state != WSM_STATE_OPEN) return WSM_SEND_CLOSED;
  if (wsm_session_pending(&m->session) >= m->policy->output_bytes)
    return WSM_SEND_FULL;
  return WSM_SENT;
}

bool wsm_manager_send_frame (struct wsm_manager *m, const void *frame,
                             size_t n) {
  if (!wsm_session_send_frame(&m->session, frame, n)) return false;
  m->counters.messages_out++;
  return true;
}

static bool is_over (const struct wsm_manager *m) {
  return m->state == WSM_STATE_CLOSED || m->state == WSM_STATE_LOCKED ||
         m->state == WSM_STATE_EXHAUSTED;
}

/* What a login gave back waits for its end. */
static bool is_first_held (const struct wsm_manager *m) {
  return m->login && m->undelivered.count <= m->login->given_back;
}

enum wsm_input wsm_manager_next (struct wsm_manager *m,
                                 struct wsm_message *message, uint64_t now_ms) {
  if (m->undelivered.count > 0 && !is_first_held(m)) {
    wsm_message_queue_first(&m->undelivered, message);
    return WSM_MESSAGE;
  }
  if (m->held) return WSM_MORE;
  if ((m->state == WSM_STATE_OPEN || m->draining || m->leaving) &&
      read_on(m, message, now_ms) == WSM_MESSAGE)
    return WSM_MESSAGE;
  return is_over(m) ? WSM_ENDED : WSM_MORE;
}

void wsm_manager_pop (struct wsm_manager *m, const struct wsm_message *taken) {
  if (m->undelivered.count == 0 && !m->session.has_message) return;
  wsm_counters_received(&m->counters, taken);
  if (m->undelivered.count) wsm_message_queue_pop(&m->undelivered);
  else wsm_session_pop(&m->session);
}

/* --- the end --- */

void wsm_manager_lost (struct wsm_manager *m, const struct wsm_error *why,
                       uint64_t now_ms) {
  struct wsm_error e;
  switch (m->state) {
    case WSM_STATE_CONNECTING:
      wsm_opening_lost(m, why, &e);
      wsm_ending_end(m, &e, now_ms);
      return;
    case WSM_STATE_LOGIN:
    case WSM_STATE_OPEN:
    case WSM_STATE_CLOSING:
      wsm_ending_end(m, why, now_ms);
      return;
    default:
      return;
  }
}

void wsm_manager_abort (struct wsm_manager *m, const struct wsm_error *e,
                        uint64_t now_ms) {
  m->local = true;
  if (m->leaving) m->counters.unread += m->kernel_unread;
  wsm_manager_lost(m, e, now_ms);
}

void wsm_manager_forget (struct wsm_manager *m, const struct wsm_error *e) {
  memset(&m->events, 0, sizeof m->events);
  wsm_delivery_free(m);
  wsm_sending_free(m);
  wsm_message_queue_clear(&m->outbox);
  clear_received(m);
  wsm_login_forget(m);
  wsm_state_renew_session(m);
  wsm_state_set_reason(m, NULL, 0);
  m->local = true;
  m->clean = m->paused = false;
  m->code = WSM_ABNORMAL;
  m->error = *e;
  wsm_state_enter(m, WSM_STATE_CLOSED);
}

void wsm_manager_verdict (struct wsm_manager *m, bool again, int64_t delay_ms,
                          uint64_t now_ms) {
  if (m->step != WSM_STEP_VERDICT) return;
  if (again) wsm_ending_reconnect(m, delay_ms, now_ms);
  else if (m->error.token == WSM_LOGIN && m->error.final) wsm_ending_lock(m);
  else wsm_ending_finish(m);
}

bool wsm_manager_send_waiting (struct wsm_manager *m, uint64_t now_ms) {
  const size_t count = m->outbox.count;
  if (m->state == WSM_STATE_OPEN) wsm_outbox_flush(m, SIZE_MAX, now_ms);
  return m->outbox.count > 0 && m->outbox.count < count;
}

void wsm_manager_close (struct wsm_manager *m,
                        const struct wsm_close_params *params,
                        uint64_t now_ms) {
  struct wsm_error e;
  m->local = true;
  wsm_login_cut(m);
  switch (m->state) {
    case WSM_STATE_LOGIN:
    case WSM_STATE_OPEN:
      wsm_ending_close(m, params, now_ms);
      return;
    case WSM_STATE_CONNECTING:
      wsm_error_set(&e, WSM_CLOSED, "closed before the connection was there");
      wsm_ending_end(m, &e, now_ms);
      return;
    case WSM_STATE_CLOSING:
      wsm_ending_stop_draining(m, now_ms);
      return;
    case WSM_STATE_WAITING:
    case WSM_STATE_LOCKED:
    case WSM_STATE_EXHAUSTED:
      wsm_ending_finish(m);
      return;
    default:
      return;
  }
}

/* --- time --- */

static uint64_t close_grace (const struct wsm_manager *m) {
  const uint32_t close_ms = m->policy->close_ms;
  return close_ms && close_ms < CLOSE_GRACE_MS ? close_ms : CLOSE_GRACE_MS;
}

/* Answers pings, and after a while the close, behind messages nobody takes. */
static void read_ahead (struct wsm_manager *m, uint64_t now_ms) {
  size_t dropped = 0;
  if (m->session.has_message) wsm_heartbeat_scan(m, now_ms);
  if (m->session.close_pending && m->due_ms == WSM_NEVER)
    m->due_ms = now_ms + close_grace(m);
  if (now_ms < m->due_ms) return;
  m->due_ms = WSM_NEVER;
  if (wsm_inbox_keep(m, &dropped) == WSM_ENDED)
    wsm_ending_session_ended(m, now_ms);
}

/* A past time if a close waits: the next tick begins its grace. */
static uint64_t read_ahead_at (const struct wsm_manager *m) {
  if (m->session.close_pending && m->due_ms == WSM_NEVER) return m->received_ms;
  return m->due_ms;
}

static void tick_renewal (struct wsm_manager *m, uint64_t now_ms) {
  if (now_ms < m->renew_ms) return;
  m->renew_ms = WSM_NEVER;
  wsm_events_push(&m->events, WSM_EVENT_RENEW);
}

static void tick_session (struct wsm_manager *m, uint64_t now_ms) {
  struct wsm_error e;
  read_ahead(m, now_ms);
  if (m->state == WSM_STATE_LOGIN) wsm_login_tick(m, now_ms);
  if (!wsm_state_is_live(m)) return;
  switch (wsm_heartbeat_tick(m, now_ms, &e)) {
    case WSM_ALIVE:
      if (m->state != WSM_STATE_OPEN) return;
      wsm_outbox_retry(m, now_ms);
      tick_renewal(m, now_ms);
      return;
    case WSM_DEAD:
      m->counters.timeouts++;
      wsm_ending_end(m, &e, now_ms);
      return;
    case WSM_HUNG_UP:
      wsm_ending_hung_up(m, now_ms);
      return;
  }
}

static void note_leaving (struct wsm_manager *m,
                          const struct wsm_delivery *delivery,
                          uint64_t now_ms) {
  m->kernel_unread = delivery->unread;
  wsm_close_wait_delivered(m, delivery, now_ms);
}

void wsm_manager_delivered (struct wsm_manager *m,
                            const struct wsm_delivery *delivery,
                            uint64_t now_ms) {
  if (wsm_sending_is_tracked(m)) wsm_sending_acknowledged(m, delivery);
  if (wsm_state_is_live(m)) wsm_heartbeat_report(m, delivery, now_ms);
  else if (m->draining) m->kernel_unread = delivery->unread;
  else if (m->leaving) note_leaving(m, delivery, now_ms);
  else if (wsm_manager_wants_delivery(m, now_ms))
    wsm_close_wait_delivered(m, delivery, now_ms);
}

/* The next attempt begins; or the owner did not say in time whether it shall. */
static void end_wait (struct wsm_manager *m, uint64_t now_ms) {
  if (m->step == WSM_STEP_VERDICT)
    wsm_manager_verdict(m, !m->error.final, -1, now_ms);
  else wsm_target_begin(m, now_ms);
}

void wsm_manager_tick (struct wsm_manager *m, uint64_t now_ms) {
  const bool due = now_ms >= m->due_ms;
  struct wsm_error e;
  if (m->state != WSM_STATE_CLOSED) wsm_outbox_expire(m, now_ms);
  switch (m->state) {
    case WSM_STATE_LOGIN:
    case WSM_STATE_OPEN:
      tick_session(m, now_ms);
      return;
    case WSM_STATE_CONNECTING:
      if (due)
        continue_opening(m, wsm_opening_timeout(m, now_ms, &e), &e, now_ms);
      return;
    case WSM_STATE_CLOSING:
      if (due) wsm_ending_timeout(m, now_ms);
      return;
    case WSM_STATE_WAITING:
      if (due && m->events.count == 0) end_wait(m, now_ms);
      return;
    default:
      return;
  }
}

static uint64_t earlier (uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

static uint64_t deadline_of_state (const struct wsm_manager *m) {
  if (m->state == WSM_STATE_WAITING && m->events.count > 0) return WSM_NEVER;
  if (m->state == WSM_STATE_CLOSING || m->step == WSM_STEP_RESPONSE)
    return m->draining ? m->due_ms : wsm_close_wait_deadline(m);
  if (!wsm_state_is_live(m)) return m->due_ms;
  return earlier(earlier(read_ahead_at(m), m->login ? wsm_login_deadline(m)
                                                    : wsm_outbox_retry_at(m)),
                 earlier(wsm_heartbeat_deadline(m), m->renew_ms));
}

uint64_t wsm_manager_deadline (const struct wsm_manager *m) {
  const uint64_t state_ms = deadline_of_state(m);
  if (m->state == WSM_STATE_CLOSED) return state_ms;
  return earlier(state_ms, wsm_outbox_expires_at(m));
}
