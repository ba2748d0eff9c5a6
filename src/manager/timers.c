#include "manager/manager_internal.h"

/* The outbox again, when nothing else tells. */
#define RETRY_MS 100

/* With an application that does not read, when the peer's close waits behind
** its messages. */
#define PATIENCE_MS 1000

static uint64_t earlier (uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

/* --- OPEN --- */

static uint64_t beat_at (const struct wsm_manager *m) {
  return wsm_manager_after(m->beat_ms > m->heard_ms ? m->beat_ms : m->heard_ms,
                           m->policy->beat_ms);
}

static uint64_t overtime_at (const struct wsm_manager *m) {
  if (m->paused) return WSM_NEVER;
  return wsm_manager_after(m->heard_ms, m->policy->overtime_ms);
}

/* The outbox waits, or a drain event is owed, and no write will tell. */
static uint64_t retry_at (const struct wsm_manager *m) {
  if (!m->outbox.count && !m->starved) return WSM_NEVER;
  if (wsm_session_pending(&m->session) > m->policy->output_bytes / 2)
    return WSM_NEVER;
  return m->tried_ms + RETRY_MS;
}

static void beat (struct wsm_manager *m, uint64_t now_ms) {
  const struct wsm_policy *p = m->policy;
  m->beat_ms = now_ms;
  /* the peer takes nothing: one more behind the rest would say nothing */
  if (wsm_session_pending(&m->session) >= p->output_bytes) return;
  if (p->beat) wsm_session_send(&m->session, WSM_TEXT, p->beat, p->beat_length);
  else if (wsm_session_ping(&m->session, m->ping + 1)) {
    m->ping++;
    m->ping_ms = now_ms;
  }
}

static void drop_silent (struct wsm_manager *m, uint64_t now_ms) {
  struct wsm_error e;
  wsm_error_set(&e, WSM_TIMEOUT, "the peer said nothing for %g s",
                m->policy->overtime_ms / 1000.0);
  wsm_ending_end(m, &e, now_ms);
}

static uint64_t patience (const struct wsm_manager *m) {
  const uint32_t close_ms = m->policy->close_ms;
  return close_ms && close_ms < PATIENCE_MS ? close_ms : PATIENCE_MS;
}

/* In the past until a tick has begun to wait. */
static uint64_t patience_at (const struct wsm_manager *m) {
  if (m->session.close_waits && m->due_ms == WSM_NEVER) return m->heard_ms;
  return m->due_ms;
}

/* Answers pings, and after a while the close, behind messages nobody takes. */
static void look_behind (struct wsm_manager *m, uint64_t now_ms) {
  size_t missed = 0;
  if (m->session.held) wsm_session_scan(&m->session);
  if (m->session.close_waits && m->due_ms == WSM_NEVER)
    m->due_ms = now_ms + patience(m);
  if (now_ms < m->due_ms) return;
  m->due_ms = WSM_NEVER;
  if (wsm_messages_keep(m, SIZE_MAX, &missed) == WSM_ENDED)
    wsm_ending_heard(m, now_ms);
}

static void tick_open (struct wsm_manager *m, uint64_t now_ms) {
  look_behind(m, now_ms);
  if (m->state != WSM_STATE_OPEN) return;
  if (now_ms >= overtime_at(m)) {
    drop_silent(m, now_ms);
    return;
  }
  if (m->outbox.count || m->starved) {
    m->tried_ms = now_ms;
    wsm_messages_flush(m, m->policy->output_bytes);
    wsm_messages_drain(m);
  }
  if (now_ms >= beat_at(m)) beat(m, now_ms);
}

/* --- all --- */

void wsm_manager_tick (struct wsm_manager *m, uint64_t now_ms) {
  const bool due = now_ms >= m->due_ms;
  switch (m->state) {
    case WSM_STATE_OPEN:
      tick_open(m, now_ms);
      return;
    case WSM_STATE_CONNECTING:
      if (due) wsm_opening_late(m, now_ms);
      return;
    case WSM_STATE_CLOSING:
      if (due) wsm_ending_late(m, now_ms);
      return;
    case WSM_STATE_WAITING:
      if (due && !m->event_count) wsm_manager_dial(m, now_ms);
      return;
    default:
      return;
  }
}

uint64_t wsm_manager_deadline (const struct wsm_manager *m) {
  if (m->state == WSM_STATE_WAITING && m->event_count) return WSM_NEVER;
  if (m->state != WSM_STATE_OPEN) return m->due_ms;
  return earlier(earlier(patience_at(m), retry_at(m)),
                 earlier(beat_at(m), overtime_at(m)));
}

/* A heartbeat may be late where the peer has a second to answer it. */
bool wsm_manager_is_deadline_lax (const struct wsm_manager *m) {
  const struct wsm_policy *p = m->policy;
  return !p->overtime_ms || p->overtime_ms >= (uint64_t)p->beat_ms + 1000;
}
