#include "manager/login.h"

#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "manager/attempts.h"
#include "manager/ending.h"
#include "manager/heartbeat.h"
#include "manager/sending.h"
#include "websocket/close_code.h"
#include "base/hidden.h"

void wsm_login_forget (struct wsm_manager *m) {
  if (!m->login) return;
  wsm_message_queue_clear(&m->login->left);
  wsm_free(m->login);
  m->login = NULL;
}

void wsm_login_cut (struct wsm_manager *m) {
  struct wsm_dropped left;
  if (!m->login) return;
  left.count = m->login->left.count;
  left.bytes = m->login->left.payload;
  wsm_sending_drop_untaken(m, WSM_LOGIN, &left);
  m->login->over = true;
  m->login->given_back = 0;
  wsm_message_queue_clear(&m->login->left);
}

/* --- from the 101 to open --- */

static void open (struct wsm_manager *m, uint64_t now_ms) {
  wsm_state_enter(m, WSM_STATE_OPEN);
  m->opened_ms = m->retried_ms = now_ms;
  if (m->policy->stream)
    wsm_session_stream(&m->session, &m->policy->stream_limits);
  m->error.token = WSM_NONE;
  if (!wsm_events_has(&m->events, WSM_EVENT_CLOSE))
    wsm_state_set_reason(m, NULL, 0);
  m->counters.reconnects += m->counters.opens++ > 0;
  if (m->journal)
    wsm_state_note(m,
                   &(struct wsm_noted){ WSM_NOTE_OPEN, m->counters.epoch,
                                        m->failures, NULL },
                   now_ms);
  wsm_attempts_plan_renewal(m, now_ms);
  wsm_events_push(&m->events, WSM_EVENT_OPEN);
  if (m->policy->ask_release) m->hold = WSM_HOLD_ALL;
  else wsm_outbox_flush(m, m->policy->output_bytes, now_ms);
}

static void begin (struct wsm_manager *m, uint64_t now_ms) {
  struct wsm_error e;
  m->login = wsm_zalloc(sizeof *m->login);
  if (!m->login) {
    wsm_error_set(&e, WSM_FULL, "no memory for a login");
    wsm_ending_end(m, &e, now_ms);
    return;
  }
  m->login->left.bytes.pool = m->pool;
  m->login->due_ms = wsm_state_after(now_ms, m->policy->login_ms);
  wsm_state_enter(m, WSM_STATE_LOGIN);
  wsm_events_push(&m->events, WSM_EVENT_LOGIN);
  wsm_state_note_number(m, WSM_NOTE_LOGIN, 0, now_ms);
}

static void note_agreement (struct wsm_manager *m, uint64_t now_ms) {
  const struct wsm_agreement *agreed = &m->agreed;
  char text[WSM_NOTE_TEXT];
  snprintf(text, sizeof text, "%.*s\n%.*s", (int)agreed->protocol.length,
           agreed->protocol.length ? agreed->protocol.text : "",
           (int)agreed->extensions.length,
           agreed->extensions.length ? agreed->extensions.text : "");
  wsm_state_note(m, &(struct wsm_noted){ WSM_NOTE_AGREED, 0, 0, text }, now_ms);
}

void wsm_login_start (struct wsm_manager *m, uint64_t now_ms) {
  if (wsm_sending_is_tracked(m)) wsm_sending_begin(m);
  if (m->journal) note_agreement(m, now_ms);
  m->counters.epoch++;
  m->peer_closed = false;
  if (m->totals) m->totals->handshakes++;
  wsm_heartbeat_start(m, now_ms);
  if (m->policy->ask_login) begin(m, now_ms);
  else open(m, now_ms);
}

/* --- its end --- */

bool wsm_login_is_current (const struct wsm_manager *m, uint64_t epoch) {
  return m->login && !m->login->over && !m->local && m->counters.epoch == epoch;
}

/* What it sent is of this connection alone. */
bool wsm_login_done (struct wsm_manager *m, uint64_t epoch, uint64_t now_ms) {
  if (m->state != WSM_STATE_LOGIN || !wsm_login_is_current(m, epoch))
    return false;
  wsm_session_disown(&m->session);
  wsm_login_forget(m);
  wsm_state_note_number(m, WSM_NOTE_LOGGED_IN, 0, now_ms);
  open(m, now_ms);
  return true;
}

static void close (struct wsm_manager *m, const struct wsm_login_failure *f,
                   uint64_t now_ms) {
  const unsigned usual = m->role == WSM_SERVER ? WSM_POLICY : WSM_NORMAL;
  struct wsm_close_params params;
  params.code = f->code ? f->code : usual;
  params.reason = f->reason;
  params.length = f->reason ? strlen(f->reason) : 0;
  wsm_ending_close(m, &params, now_ms);
}

/* m->error is why it failed. */
static void fail (struct wsm_manager *m, const struct wsm_login_failure *f,
                  uint64_t now_ms) {
  wsm_login_cut(m);
  m->login->failed = true;
  if (m->journal)
    wsm_state_note(
      m, &(struct wsm_noted){ WSM_NOTE_LOGIN_FAILED, 0, 0, m->error.detail },
      now_ms);
  if (m->state == WSM_STATE_LOGIN) close(m, f, now_ms);
  else if (m->state != WSM_STATE_CLOSING) wsm_ending_amend_login(m);
}

void wsm_login_failed (struct wsm_manager *m, uint64_t epoch,
                       const struct wsm_login_failure *failure,
                       uint64_t now_ms) {
  if (!wsm_login_is_current(m, epoch)) return;
  wsm_error_set(&m->error, WSM_LOGIN, "%s", failure->why);
  m->error.final = failure->final;
  fail(m, failure, now_ms);
}

void wsm_login_tick (struct wsm_manager *m, uint64_t now_ms) {
  static const struct wsm_login_failure late = { .reason = NULL };
  wsm_login_note_room(m, now_ms);
  if (now_ms < m->login->due_ms) return;
  wsm_error_set(&m->error, WSM_TIMEOUT, "the login was not done within %g s",
                m->policy->login_ms / 1000.0);
  fail(m, &late, now_ms);
  wsm_events_push(&m->events, WSM_EVENT_CUT);
}

/* --- its messages --- */

enum wsm_input wsm_login_next (struct wsm_manager *m, uint64_t epoch,
                               struct wsm_message *message, uint64_t now_ms) {
  enum wsm_input input = WSM_ENDED;
  if (!wsm_login_is_current(m, epoch)) return WSM_ENDED;
  if (wsm_message_queue_first(&m->login->left, message)) return WSM_MESSAGE;
  if (m->state != WSM_STATE_LOGIN)
    return m->state == WSM_STATE_CLOSING ? WSM_MORE : WSM_ENDED;
  input = wsm_session_next(&m->session, message);
  wsm_heartbeat_note_pong(m, now_ms);
  if (input == WSM_MESSAGE) wsm_heartbeat_note_message(m);
  if (input != WSM_ENDED) return input;
  wsm_ending_session_ended(m, now_ms);
  return WSM_MORE; /* until the end is there */
}

void wsm_login_pop (struct wsm_manager *m, const struct wsm_message *taken) {
  m->login->taken++;
  wsm_counters_received(&m->counters, taken);
  if (m->login->left.count) wsm_message_queue_pop(&m->login->left);
  else wsm_session_pop(&m->session);
}

enum wsm_sent wsm_login_give_back (struct wsm_manager *m, uint64_t epoch,
                                   const struct wsm_message *message) {
  const size_t limit = m->policy->inbox_bytes;
  if (!wsm_login_is_current(m, epoch)) return WSM_SEND_CLOSED;
  if ((limit && m->undelivered.payload >= limit) ||
      !wsm_message_queue_push(&m->undelivered, message, NULL))
    return WSM_SEND_FULL;
  m->login->given_back++;
  wsm_counters_unreceive(&m->counters, message);
  return WSM_SENT;
}

enum wsm_sent wsm_login_send (struct wsm_manager *m, uint64_t epoch,
                              const struct wsm_message *message,
                              uint64_t now_ms) {
  enum wsm_sent sent;
  if (m->state != WSM_STATE_LOGIN || !wsm_login_is_current(m, epoch))
    return WSM_SEND_CLOSED;
  if (message->length > m->policy->send_bytes) return WSM_SEND_TOOBIG;
  sent = wsm_outbox_send_urgent(m, message, now_ms);
  if (sent == WSM_SEND_FULL) m->login->room_due = true;
  return sent;
}

void wsm_login_note_room (struct wsm_manager *m, uint64_t now_ms) {
  const size_t pending = wsm_session_pending(&m->session);
  if (!m->login->room_due || pending > m->policy->output_bytes / 2) return;
  if (wsm_sending_next(m, true, now_ms) > now_ms) return;
  m->login->room_due = false;
  wsm_events_push(&m->events, WSM_EVENT_ROOM);
}

uint64_t wsm_login_deadline (const struct wsm_manager *m) {
  const uint64_t due_ms = m->login->due_ms;
  uint64_t next_ms;
  if (!m->login->room_due || !m->policy->rate_limit ||
      wsm_session_pending(&m->session) > m->policy->output_bytes / 2)
    return due_ms;
  next_ms = wsm_sending_next(m, true, 0);
  return next_ms < due_ms ? next_ms : due_ms;
}
