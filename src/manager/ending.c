#include "manager/ending.h"

#include <stdio.h>
#include <string.h>
#include "manager/attempts.h"
#include "manager/close_wait.h"
#include "manager/heartbeat.h"
#include "manager/inbox.h"
#include "manager/outbox.h"
#include "manager/sending.h"
#include "websocket/close_code.h"
#include "base/hidden.h"

/* A server's wait for a peer that broke a rule to read our close frame. */
#define LINGER_MS 1000

/* How long what a peer left behind a full inbox may wait, where the heartbeat has
** no timeout. */
#define DRAIN_MS 100000

static const uint8_t both = WSM_CLOSE_SENT | WSM_CLOSE_RECEIVED;

/* --- the closing handshake --- */

static uint32_t linger (uint32_t close_ms) {
  return close_ms && close_ms < LINGER_MS ? close_ms : LINGER_MS;
}

/* Its answer to our own close frame is no news. */
static void note_session_ended (struct wsm_manager *m, bool failed,
                                uint64_t now_ms) {
  const struct wsm_session *s = &m->session;
  char text[WSM_CONTROL_LIMIT + 1];
  struct wsm_noted noted = { WSM_NOTE_PEER_CLOSES, s->close_code, 0, text };
  memcpy(text, s->reason_length ? s->reason : "", s->reason_length);
  text[s->reason_length] = '\0';
  if (failed) {
    noted.kind = WSM_NOTE_VIOLATION;
    noted.text = m->error.detail;
  }
  if (failed || !m->local) wsm_state_note(m, &noted, now_ms);
}

void wsm_ending_session_ended (struct wsm_manager *m, uint64_t now_ms) {
  const bool failed = (m->session.closing & WSM_CLOSE_FAILED) != 0;
  uint32_t wait_ms = m->policy->close_ms;
  m->peer_closed = !m->local && !failed;
  if (m->journal) note_session_ended(m, failed, now_ms);
  m->leaving = false;
  wsm_state_enter(m, WSM_STATE_CLOSING);
  /* RFC 6455 7.1.1: the server closes TCP first; it reads on, because closing
     with unread bytes resets, and the close frame could be lost */
  if (m->role == WSM_SERVER) m->want = WSM_WANT_FINISH;
  if (m->role == WSM_SERVER && failed) wait_ms = linger(wait_ms);
  wsm_close_wait_start(m, wait_ms, now_ms);
}

static void note_closing (struct wsm_manager *m,
                          const struct wsm_close_params *params,
                          uint64_t now_ms) {
  char text[WSM_CONTROL_LIMIT + 1];
  memcpy(text, params->length ? params->reason : "", params->length);
  text[params->length] = '\0';
  wsm_state_note(
    m, &(struct wsm_noted){ WSM_NOTE_CLOSING, params->code, 0, text }, now_ms);
}

void wsm_ending_close (struct wsm_manager *m,
                       const struct wsm_close_params *params, uint64_t now_ms) {
  struct wsm_error e;
  size_t dropped = 0;
  if (!m->login) wsm_outbox_flush(m, SIZE_MAX, now_ms);
  if (!m->leaving && wsm_inbox_keep(m, &dropped) == WSM_ENDED) {
    wsm_ending_session_ended(m, now_ms);
    return;
  }
  if (!wsm_session_close(&m->session, params->code, params->reason,
                         params->length)) {
    wsm_error_set(&e, WSM_FULL, "no memory for the close frame");
    wsm_ending_end(m, &e, now_ms);
    return;
  }
  if (m->journal) note_closing(m, params, now_ms);
  wsm_state_enter(m, WSM_STATE_CLOSING);
  wsm_close_wait_start(m, m->policy->close_ms, now_ms);
}

void wsm_ending_received (struct wsm_manager *m) {
  size_t dropped = 0;
  if (!wsm_state_had_session(m)) {
    wsm_buffer_clear(&m->session.in);
    return;
  }
  if (wsm_inbox_keep_bounded(m, &dropped) == WSM_ENDED)
    wsm_buffer_clear(&m->session.in);
  /* RFC 6455 7.1.1: the server closes TCP first */
  if (m->role == WSM_SERVER && (m->session.closing & WSM_CLOSE_RECEIVED))
    m->want = WSM_WANT_FINISH;
}

void wsm_ending_hung_up (struct wsm_manager *m, uint64_t now_ms) {
  const uint32_t timeout_ms = wsm_heartbeat_rules(m)->timeout_ms;
  if (m->login) { /* it is over with its connection */
    wsm_ending_end(m, NULL, now_ms);
    return;
  }
  wsm_state_note_number(m, WSM_NOTE_HUNG_UP, 0, now_ms);
  wsm_state_enter(m, WSM_STATE_CLOSING);
  m->draining = true;
  m->kernel_unread = 0;
  m->due_ms = now_ms + (timeout_ms ? timeout_ms : DRAIN_MS);
}

void wsm_ending_stop_draining (struct wsm_manager *m, uint64_t now_ms) {
  size_t dropped = 0;
  if (!m->draining) return;
  m->draining = false;
  if (wsm_inbox_keep(m, &dropped) == WSM_ENDED)
    wsm_ending_session_ended(m, now_ms);
  else wsm_close_wait_start(m, m->policy->close_ms, now_ms);
}

/* Nobody took what was before it. */
static void give_up_unread (struct wsm_manager *m, uint64_t now_ms) {
  struct wsm_error e;
  m->counters.unread += m->kernel_unread;
  wsm_error_set(&e, WSM_CLOSED,
                "the peer ended the connection, and %llu bytes of it were "
                "never read: nobody took what was in the inbox",
                (unsigned long long)m->kernel_unread);
  wsm_ending_end(m, &e, now_ms);
}

void wsm_ending_timeout (struct wsm_manager *m, uint64_t now_ms) {
  struct wsm_error e;
  if (m->draining) {
    give_up_unread(m, now_ms);
    return;
  }
  if (m->leaving) m->counters.unread += m->kernel_unread;
  wsm_error_set(&e, WSM_TIMEOUT,
                "the peer did not finish the close within %g s",
                m->policy->close_ms / 1000.0);
  wsm_ending_end(m, &e, now_ms);
}

void wsm_ending_rejected (struct wsm_manager *m, uint64_t now_ms) {
  wsm_buffer_clear(&m->session.in);
  wsm_state_enter(m, WSM_STATE_CLOSING);
  m->want = WSM_WANT_FINISH;
  wsm_close_wait_start(m, m->policy->close_ms, now_ms);
}

/* --- how it ended --- */

static void note_close (struct wsm_manager *m) {
  const struct wsm_session *s = &m->session;
  const uint8_t bits = wsm_state_had_session(m) ? s->closing : 0;
  const bool has_code = (bits & (WSM_CLOSE_RECEIVED | WSM_CLOSE_FAILED)) != 0;
  m->clean = (bits & both) == both && !(bits & WSM_CLOSE_FAILED);
  m->code = has_code ? s->close_code : WSM_ABNORMAL;
  wsm_state_set_reason(m, has_code ? s->reason : NULL,
                       has_code ? s->reason_length : 0);
}

/* Adds how long nothing was sent and received: it shows the limit of a proxy. */
static void amend_quiet (struct wsm_manager *m, uint64_t now_ms) {
  const struct wsm_error before = m->error;
  uint64_t last_ms = m->received_ms > m->sent_ms ? m->received_ms : m->sent_ms;
  if (!wsm_state_had_session(m) || before.token != WSM_CLOSED) return;
  if (wsm_state_was_open(m) && last_ms < m->opened_ms) last_ms = m->opened_ms;
  wsm_error_set(&m->error, before.token, "%.150s, after %.1f s without traffic",
                before.detail,
                now_ms > last_ms ? (double)(now_ms - last_ms) / 1000 : 0);
  m->error.final = before.final;
}

/* A broken rule is in m->error already; so is why a server rejected, and why a login
** failed. */
static void note_error (struct wsm_manager *m, const struct wsm_error *e,
                        uint64_t now_ms) {
  const bool rejected = m->state == WSM_STATE_CLOSING &&
                        !wsm_state_had_session(m);
  if (rejected || (m->session.closing & WSM_CLOSE_FAILED)) return;
  if (m->login && m->login->failed) return;
  if (m->clean) {
    wsm_state_clear_error(m);
  } else if (!e) {
    wsm_error_set(&m->error, WSM_CLOSED,
                  "the peer ended the connection without a close frame");
    amend_quiet(m, now_ms);
  } else {
    if (e != &m->error) m->error = *e;
    if (!m->local) amend_quiet(m, now_ms);
  }
}

/* Adds a sentence to the error, or makes it one. */
static void amend (struct wsm_manager *m, const char *sentence) {
  const struct wsm_error before = m->error;
  if (before.token == WSM_NONE)
    wsm_error_set(&m->error, WSM_CLOSED, "%s", sentence);
  else
    wsm_error_set(&m->error, before.token, "%.150s; %s", before.detail,
                  sentence);
  m->error.final = before.final;
}

static enum wsm_initiator initiator_of (const struct wsm_manager *m,
                                        bool local) {
  const bool dropped = m->error.token == WSM_TIMEOUT ||
                       m->error.token == WSM_LOGIN;
  if (m->peer_closed) return WSM_REMOTE;
  return local || dropped ? WSM_LOCAL : WSM_REMOTE;
}

/* Of one that reached the 101. */
static void count_close (const struct wsm_manager *m, bool local,
                         uint64_t now_ms) {
  const bool violated = (m->session.closing & WSM_CLOSE_FAILED) != 0;
  struct wsm_closing c;
  c.code = m->code;
  c.initiator = initiator_of(m, local || violated);
  c.violated = violated ? m->error.token : WSM_NONE;
  c.opened = wsm_state_was_open(m);
  c.open_ms = c.opened && now_ms > m->opened_ms ? now_ms - m->opened_ms : 0;
  wsm_totals_close(m->totals, &c);
}

/* A plain request is answered, and no handshake. */
static void count_end (const struct wsm_manager *m, bool local,
                       uint64_t now_ms) {
  if (!m->totals) return;
  if (wsm_state_had_session(m)) count_close(m, local, now_ms);
  else if (!m->for_page && !m->idle) m->totals->failed[m->error.token]++;
}

static void note_end (struct wsm_manager *m, const char *why, uint64_t now_ms) {
  const char *token = wsm_token_name(m->error.token);
  char text[WSM_NOTE_TEXT];
  uint64_t how = 0;
  if (m->clean) how |= WSM_ENDED_CLEAN;
  if (wsm_state_had_session(m)) how |= WSM_ENDED_SESSION;
  if (wsm_state_was_open(m)) how |= WSM_ENDED_OPEN;
  snprintf(text, sizeof text, "%s\n%s", token, why);
  wsm_state_note(m, &(struct wsm_noted){ WSM_NOTE_END, m->code, how, text },
                 now_ms);
}

/* --- what comes after --- */

void wsm_ending_wait (struct wsm_manager *m, int64_t delay_ms,
                      uint64_t now_ms) {
  m->delay_ms = wsm_attempts_wait(m, delay_ms, now_ms);
  wsm_state_enter(m, WSM_STATE_WAITING);
  m->due_ms = now_ms + m->delay_ms;
  if (m->journal)
    wsm_state_note(
      m,
      &(struct wsm_noted){ WSM_NOTE_WAITING, m->delay_ms, m->failures, NULL },
      now_ms);
  if (delay_ms < 0) wsm_attempts_begin_wait(m, now_ms);
  wsm_events_push(&m->events, WSM_EVENT_RECONNECTING);
}

static void note_exhausted (struct wsm_manager *m, uint64_t now_ms) {
  char why[WSM_DETAIL_SIZE];
  wsm_state_explain(m, why);
  wsm_state_note(m, &(struct wsm_noted){ WSM_NOTE_EXHAUSTED, 0, 0, why },
                 now_ms);
}

void wsm_ending_reconnect (struct wsm_manager *m, int64_t delay_ms,
                           uint64_t now_ms) {
  if (wsm_attempts_are_exhausted(m)) {
    wsm_state_enter(m, WSM_STATE_EXHAUSTED);
    wsm_events_push(&m->events, WSM_EVENT_EXHAUSTED);
    if (m->journal) note_exhausted(m, now_ms);
    return;
  }
  if (m->failures < UINT32_MAX) m->failures++;
  wsm_ending_wait(m, delay_ms, now_ms);
}

static bool note_unsent (struct wsm_manager *m) {
  const size_t count = m->outbox.count;
  const bool one = count == 1;
  char sentence[96];
  m->counters.unsent = count;
  if (count == 0) return false;
  snprintf(sentence, sizeof sentence,
           "%zu message%s (%zu byte%s) %s never sent; take %s with unsent()",
           count, one ? "" : "s", m->outbox.payload,
           m->outbox.payload == 1 ? "" : "s", one ? "was" : "were",
           one ? "it" : "them");
  amend(m, sentence);
  return true;
}

void wsm_ending_finish (struct wsm_manager *m) {
  struct wsm_events *events = &m->events;
  if (!wsm_events_has(events, WSM_EVENT_ERROR)) wsm_state_clear_error(m);
  if (note_unsent(m) && !wsm_events_has(events, WSM_EVENT_ERROR))
    wsm_events_push(events, WSM_EVENT_ERROR);
  wsm_state_enter(m, WSM_STATE_CLOSED);
}

static void push_end_events (struct wsm_manager *m) {
  if (m->error.token != WSM_NONE) wsm_events_push(&m->events, WSM_EVENT_ERROR);
  wsm_events_push(&m->events, WSM_EVENT_CLOSE);
}

void wsm_ending_lock (struct wsm_manager *m) {
  wsm_state_enter(m, WSM_STATE_LOCKED);
  if (m->journal)
    wsm_state_note(
      m, &(struct wsm_noted){ WSM_NOTE_LOCKED, 0, 0, m->error.detail }, 0);
  wsm_events_push(&m->events, WSM_EVENT_LOCKED);
}

void wsm_ending_amend_login (struct wsm_manager *m) {
  const bool retries =
    (m->state == WSM_STATE_WAITING && m->step != WSM_STEP_VERDICT) ||
    m->state == WSM_STATE_EXHAUSTED;
  if (!wsm_events_has(&m->events, WSM_EVENT_CLOSE)) return;
  wsm_events_push_first(&m->events, WSM_EVENT_ERROR);
  if (retries && m->error.final) wsm_ending_lock(m);
}

static void ask_verdict (struct wsm_manager *m, uint64_t now_ms) {
  push_end_events(m);
  wsm_state_enter(m, WSM_STATE_WAITING);
  m->step = WSM_STEP_VERDICT;
  m->due_ms = wsm_state_after(now_ms, m->policy->ask_ms);
  wsm_events_push(&m->events, WSM_EVENT_VERDICT);
}

static void decide_next (struct wsm_manager *m, uint64_t now_ms) {
  const bool may = m->role == WSM_CLIENT && m->policy->reconnect && !m->local;
  const bool login = m->login && m->login->failed;
  /* the peer's code tells nothing new to a login that decided by itself */
  const bool again = wsm_attempts_may_follow(
    m->policy, &(struct wsm_ending){ .token = m->error.token,
                                     .final = m->error.final,
                                     .local = m->local,
                                     .renewed = m->renewed,
                                     .code = login ? WSM_ABNORMAL : m->code,
                                     .status = m->status });
  m->renewed = wsm_attempts_may_renew(m->policy, m->status);
  m->error.final = !again;
  if (may && m->policy->ask_verdict) {
    ask_verdict(m, now_ms);
  } else if (may && again) {
    push_end_events(m);
    wsm_ending_reconnect(m, -1, now_ms);
  } else if (may && login) {
    push_end_events(m);
    wsm_ending_lock(m);
  } else {
    note_unsent(m);
    push_end_events(m);
    wsm_state_enter(m, WSM_STATE_CLOSED);
  }
}

/* --- the end of a connection --- */

/* What the socket did not take, and what nobody received, is kept. false: some
** of it was dropped. */
static bool keep_messages (struct wsm_manager *m, uint64_t now_ms) {
  size_t dropped = 0;
  if (!wsm_state_had_session(m)) return true;
  wsm_inbox_keep(m, &dropped);
  if (m->login) wsm_session_disown(&m->session); /* what it sent was its own */
  wsm_outbox_keep_unsent(m, &dropped, now_ms);
  if (wsm_sending_is_tracked(m)) wsm_sending_end(m);
  return dropped == 0 && !m->dropped;
}

static void amend_dropped (struct wsm_manager *m) {
  amend(m, m->dropped ? "messages were lost: nobody took them and the inbox "
                        "is full"
                      : "messages were lost: no memory to keep them");
}

static enum wsm_address_verdict judge_address (const struct wsm_manager *m) {
  if (m->spoke && !m->login) return WSM_ADDRESS_GOOD;
  return m->local ? WSM_ADDRESS_UNKNOWN : WSM_ADDRESS_BAD;
}

void wsm_ending_end (struct wsm_manager *m, const struct wsm_error *e,
                     uint64_t now_ms) {
  const uint32_t stable_ms = m->policy->stable_ms;
  const bool kept = keep_messages(m, now_ms);
  m->leaving = false;
  m->address = (uint8_t)judge_address(m);
  note_close(m);
  note_error(m, e, now_ms);
  count_end(m, m->local, now_ms);
  if (m->journal) note_end(m, m->error.detail, now_ms);
  if (!kept) amend_dropped(m);
  wsm_inbox_break_message(m);
  if (wsm_state_was_open(m) && now_ms - m->opened_ms >= stable_ms)
    m->failures = 0;
  else m->moves++;
  wsm_state_renew_session(m);
  decide_next(m, now_ms);
}

void wsm_ending_abandon (struct wsm_manager *m, uint64_t now_ms) {
  const bool kept = keep_messages(m, now_ms);
  note_close(m);
  wsm_state_clear_error(m);
  count_end(m, true, now_ms);
  if (m->journal) note_end(m, "reconnect() was called", now_ms);
  if (!kept) amend_dropped(m);
  wsm_inbox_break_message(m);
  push_end_events(m);
  wsm_state_renew_session(m);
}
