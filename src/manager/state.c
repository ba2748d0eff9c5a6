#include "manager/state.h"

#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "manager/delivery.h"
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

void wsm_state_note (struct wsm_manager *m, const struct wsm_noted *noted,
                     uint64_t now_ms) {
  const char *text = noted->text ? noted->text : "";
  struct wsm_note note = { now_ms, noted->a, noted->b, 0, 0 };
  note.kind = (uint8_t)noted->kind;
  note.length = (uint32_t)strlen(text);
  wsm_journal_add(m->journal, &note, text);
}

void wsm_state_note_heartbeat (struct wsm_manager *m, bool unanswered,
                               uint64_t now_ms) {
  const struct wsm_heartbeat *h = &m->heartbeat;
  const struct wsm_heartbeat_rules *r = h->own ? h->own : &m->policy->heartbeat;
  struct wsm_noted noted = { WSM_NOTE_HEARTBEAT, WSM_BEAT_PING, 0, NULL };
  if (h->waiting > 0) noted.a = WSM_BEAT_WAITING;
  else if (r->ask) noted.a = WSM_BEAT_ASKED;
  else if (r->message) noted.a = WSM_BEAT_MESSAGE;
  if (unanswered) noted.b = now_ms - h->begun_ms;
  wsm_state_note(m, &noted, now_ms);
}

static void note_closed (struct wsm_manager *m) {
  const struct wsm_message_queue *unconfirmed = wsm_delivery_messages(m);
  const size_t n = unconfirmed ? unconfirmed->count : 0;
  wsm_state_note(
    m, &(struct wsm_noted){ WSM_NOTE_CLOSED, m->outbox.count, n, NULL }, 0);
}

void wsm_state_enter (struct wsm_manager *m, enum wsm_state state) {
  if (m->journal && state == WSM_STATE_CLOSED && m->state != state)
    note_closed(m);
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
  const uint64_t pings = m->session.ping_sent;
  struct wsm_session_setup setup;
  setup.role = (enum wsm_role)m->role;
  setup.limits = &m->policy->limits;
  setup.keys = m->keys;
  setup.pool = m->pool;
  setup.error = &m->error;
  setup.inflate = m->policy->inflate;
  m->dropped = false;
  wsm_session_free(&m->session);
  wsm_session_init(&m->session, &setup);
  if (m->pings) wsm_pings_lose(m->pings);
  m->session.awaited = m->pings;
  m->session.ping_sent = m->session.pong_seen = pings;
}

void wsm_state_set_reason (struct wsm_manager *m, const char *reason,
                           size_t n) {
  wsm_free(m->reason);
  m->reason = n ? wsm_alloc(n) : NULL;
  m->reason_length = m->reason ? (uint8_t)n : 0;
  if (m->reason) memcpy(m->reason, reason, n);
}

/* The reason is the peer's: a line of a log is to stay one. */
static void copy_reason (const struct wsm_manager *m, char *to) {
  size_t i;
  for (i = 0; i < m->reason_length; i++) {
    const unsigned char c = (unsigned char)m->reason[i];
    to[i] = c < ' ' || c == 0x7F ? '?' : m->reason[i];
  }
  to[i] = '\0';
}

void wsm_state_describe_close (const struct wsm_manager *m,
                               char to[WSM_CLOSE_TEXT]) {
  char reason[WSM_CONTROL_LIMIT + 1];
  copy_reason(m, reason);
  snprintf(to, WSM_CLOSE_TEXT, "the connection was closed (%d%s%s)",
           (int)m->code, *reason ? " " : "", reason);
}

/* What went wrong last, or "". */
static void describe_last (const struct wsm_manager *m,
                           char to[WSM_CLOSE_TEXT]) {
  to[0] = '\0';
  if (m->error.token != WSM_NONE) {
    memcpy(to, m->error.detail, WSM_CLOSE_TEXT - 1);
    to[WSM_CLOSE_TEXT - 1] = '\0';
    wsm_error_trim(to);
  } else if (m->code != 0) {
    wsm_state_describe_close(m, to);
  }
}

void wsm_state_explain (const struct wsm_manager *m, char to[WSM_DETAIL_SIZE]) {
  char last[WSM_CLOSE_TEXT];
  describe_last(m, last);
  if (m->state == WSM_STATE_EXHAUSTED)
    snprintf(to, WSM_DETAIL_SIZE,
             "no attempt is left of %lu (reconnect.limit); the last: %s",
             (unsigned long)m->policy->budget, last);
  else if (m->error.token != WSM_NONE)
    memcpy(to, m->error.detail, WSM_DETAIL_SIZE);
  else
    snprintf(to, WSM_DETAIL_SIZE, "%s",
             *last ? last
             : m->state == WSM_STATE_CLOSING
               ? "the connection is being closed"
               : "the connection is not there yet");
}

void wsm_state_lock (struct wsm_manager *m, const char *why) {
  char last[WSM_CLOSE_TEXT];
  if (m->error.token == WSM_LOCKED) wsm_state_clear_error(m);
  describe_last(m, last);
  wsm_error_set(&m->error, WSM_LOCKED, "%s%s%s", why, *last ? "; last: " : "",
                last);
}

void wsm_state_clear_error (struct wsm_manager *m) {
  m->error.token = WSM_NONE;
  m->error.final = false;
  m->error.detail[0] = '\0';
}
