#include "manager/manager_internal.h"

#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "base/random.h"

/* A server's wait for a peer that broke a rule to read our close frame. */
#define LINGER_MS 1000

static const uint8_t both = WSM_CLOSE_SENT | WSM_CLOSE_RECEIVED;

/* --- the closing handshake --- */

static uint32_t linger (uint32_t close_ms) {
  return close_ms && close_ms < LINGER_MS ? close_ms : LINGER_MS;
}

void wsm_ending_heard (struct wsm_manager *m, uint64_t now_ms) {
  const bool failed = (m->session.closing & WSM_CLOSE_FAILED) != 0;
  uint32_t wait_ms = m->policy->close_ms;
  wsm_manager_enter(m, WSM_STATE_CLOSING, now_ms);
  /* RFC 6455 7.1.1: the server ends TCP first; it reads on, for to hang up on
     unread bytes is to reset, and the close frame could be lost */
  if (m->role == WSM_SERVER) m->want = WSM_WANT_FLUSH;
  if (m->role == WSM_SERVER && failed) wait_ms = linger(wait_ms);
  m->due_ms = wsm_manager_after(now_ms, wait_ms);
}

struct farewell {
  unsigned code;
  const char *reason;
  size_t length;
};

static void close_open (struct wsm_manager *m, const struct farewell *f,
                        uint64_t now_ms) {
  struct wsm_error e;
  size_t missed = 0;
  wsm_messages_flush(m, SIZE_MAX);
  if (wsm_messages_keep(m, SIZE_MAX, &missed) == WSM_ENDED) {
    wsm_ending_heard(m, now_ms);
    return;
  }
  if (!wsm_session_close(&m->session, f->code, f->reason, f->length)) {
    wsm_error_set(&e, WSM_FULL, "no memory for the close frame");
    wsm_ending_end(m, &e, now_ms);
    return;
  }
  wsm_manager_enter(m, WSM_STATE_CLOSING, now_ms);
  m->due_ms = wsm_manager_after(now_ms, m->policy->close_ms);
}

void wsm_ending_late (struct wsm_manager *m, uint64_t now_ms) {
  struct wsm_error e;
  wsm_error_set(&e, WSM_TIMEOUT,
                "the peer did not finish the close within %g s",
                m->policy->close_ms / 1000.0);
  wsm_ending_end(m, &e, now_ms);
}

/* --- what is kept of a connection --- */

static bool is_beat (const struct wsm_manager *m,
                     const struct wsm_message *message) {
  const struct wsm_policy *p = m->policy;
  return p->beat && !message->binary && message->length == p->beat_length &&
         memcmp(message->data, p->beat, p->beat_length) == 0;
}

/* Gives back to the outbox what the kernel did not take. */
static void keep_unsent (struct wsm_manager *m, size_t *missed) {
  struct wsm_message_queue kept;
  struct wsm_message message;
  size_t at = 0, back = 0;
  memset(&kept, 0, sizeof kept);
  kept.bytes.pool = m->pool;
  while (wsm_session_unsent(&m->session, &at, &message)) {
    if (is_beat(m, &message)) continue;
    back++;
    if (!wsm_message_queue_push(&kept, &message)) ++*missed;
  }
  if (!wsm_message_queue_prepend(&m->outbox, &kept)) {
    *missed += kept.count;
    wsm_message_queue_clear(&kept);
  }
  m->counters.messages_out -=
    back < m->counters.messages_out ? back : m->counters.messages_out;
}

static void keep_reason (struct wsm_manager *m, const char *reason, size_t n) {
  wsm_free(m->reason);
  m->reason = n ? wsm_alloc(n) : NULL;
  m->reason_length = m->reason ? (uint8_t)n : 0;
  if (m->reason) memcpy(m->reason, reason, n);
}

void wsm_ending_forget (struct wsm_manager *m) {
  if (!wsm_manager_tells(m, WSM_EVENT_CLOSE)) keep_reason(m, NULL, 0);
}

static void note_close (struct wsm_manager *m) {
  const struct wsm_session *s = &m->session;
  const uint8_t bits = wsm_manager_opened(m) ? s->closing : 0;
  const bool said = (bits & (WSM_CLOSE_RECEIVED | WSM_CLOSE_FAILED)) != 0;
  m->clean = (bits & both) == both && !(bits & WSM_CLOSE_FAILED);
  m->code = said ? s->close_code : WSM_ABNORMAL;
  keep_reason(m, said ? s->reason : NULL, said ? s->reason_length : 0);
}

static void forget_error (struct wsm_manager *m) {
  m->error.token = WSM_NONE;
  m->error.final = false;
  m->error.detail[0] = '\0';
}

/* A broken rule is in m->error already; so is why a server refused. */
static void note_error (struct wsm_manager *m, const struct wsm_error *e) {
  const bool refused = m->state == WSM_STATE_CLOSING && !wsm_manager_opened(m);
  if (refused || (m->session.closing & WSM_CLOSE_FAILED)) return;
  if (m->clean) forget_error(m);
  else if (!e)
    wsm_error_set(&m->error, WSM_CLOSED,
                  "the peer ended the connection without a close frame");
  else if (e != &m->error) m->error = *e;
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

/* --- what comes after --- */

static uint32_t next_delay (struct wsm_manager *m) {
  const bool orderly = m->clean && m->error.token == WSM_NONE;
  uint64_t delay =
    wsm_policy_delay(m->policy, m->failures, wsm_random_next(&m->seed));
  if (orderly) delay += m->policy->pause_ms;
  if (delay < m->retry_after_ms) delay = m->retry_after_ms;
  return delay < UINT32_MAX ? (uint32_t)delay : UINT32_MAX;
}

/* delay_ms < 0: the policy's. */
static void schedule (struct wsm_manager *m, int64_t delay_ms,
                      uint64_t now_ms) {
  const uint32_t budget = m->policy->budget;
  if (budget != WSM_UNBOUNDED && m->failures >= budget) {
    wsm_manager_enter(m, WSM_STATE_EXHAUSTED, now_ms);
    wsm_manager_tell(m, WSM_EVENT_EXHAUSTED);
    return;
  }
  if (m->failures < UINT32_MAX) m->failures++;
  m->delay_ms = next_delay(m);
  if (delay_ms >= 0)
    m->delay_ms = delay_ms < UINT32_MAX ? (uint32_t)delay_ms : UINT32_MAX;
  wsm_manager_enter(m, WSM_STATE_WAITING, now_ms);
  m->due_ms = now_ms + m->delay_ms;
  wsm_manager_tell(m, WSM_EVENT_RECONNECTING);
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

/* CLOSED without an ending: what is unsent is all there is to say. */
static void finish (struct wsm_manager *m, uint64_t now_ms) {
  if (!wsm_manager_tells(m, WSM_EVENT_ERROR)) forget_error(m);
  if (note_unsent(m) && !wsm_manager_tells(m, WSM_EVENT_ERROR))
    wsm_manager_tell(m, WSM_EVENT_ERROR);
  wsm_manager_enter(m, WSM_STATE_CLOSED, now_ms);
}

static void tell_end (struct wsm_manager *m) {
  if (m->error.token != WSM_NONE) wsm_manager_tell(m, WSM_EVENT_ERROR);
  wsm_manager_tell(m, WSM_EVENT_CLOSE);
}

static void ask_verdict (struct wsm_manager *m, uint64_t now_ms) {
  tell_end(m);
  wsm_manager_enter(m, WSM_STATE_WAITING, now_ms);
  m->phase = WSM_PHASE_VERDICT;
  wsm_manager_tell(m, WSM_EVENT_VERDICT);
}

static void go_on (struct wsm_manager *m, uint64_t now_ms) {
  const bool may = m->role == WSM_CLIENT && m->policy->reconnect && !m->local;
  struct wsm_ending ending;
  bool again;
  ending.token = m->error.token;
  ending.final = m->error.final;
  ending.local = m->local;
  ending.opened = wsm_manager_opened(m);
  ending.code = m->code;
  again = wsm_policy_retries(&ending);
  m->error.final = !again;
  if (may && m->policy->ask_verdict) {
    ask_verdict(m, now_ms);
  } else if (may && again) {
    tell_end(m);
    schedule(m, -1, now_ms);
  } else {
    note_unsent(m);
    tell_end(m);
    wsm_manager_enter(m, WSM_STATE_CLOSED, now_ms);
  }
}

/* --- the end of a connection --- */

/* All that is neither with the kernel nor with the application is kept; false
** when memory failed. */
static bool keep_messages (struct wsm_manager *m) {
  size_t missed = 0;
  if (!wsm_manager_opened(m)) return true;
  wsm_messages_keep(m, SIZE_MAX, &missed);
  keep_unsent(m, &missed);
  return missed == 0 && !m->missed;
}

static void amend_lost (struct wsm_manager *m) {
  amend(m, m->missed ? "messages were lost: nobody took them and the inbox "
                       "is full"
                     : "messages were lost: no memory to keep them");
}

void wsm_ending_end (struct wsm_manager *m, const struct wsm_error *e,
                     uint64_t now_ms) {
  const uint32_t stable_ms = m->policy->stable_ms;
  const bool kept = keep_messages(m);
  note_close(m);
  note_error(m, e);
  if (!kept) amend_lost(m);
  if (wsm_manager_opened(m) && now_ms - m->opened_ms >= stable_ms)
    m->failures = 0;
  wsm_manager_renew(m);
  go_on(m, now_ms);
}

void wsm_ending_abandon (struct wsm_manager *m) {
  const bool kept = keep_messages(m);
  note_close(m);
  forget_error(m);
  if (!kept) amend_lost(m);
  tell_end(m);
  wsm_manager_renew(m);
}

void wsm_manager_lost (struct wsm_manager *m, const struct wsm_error *e,
                       uint64_t now_ms) {
  switch (m->state) {
    case WSM_STATE_CONNECTING:
      wsm_opening_lost(m, e, now_ms);
      return;
    case WSM_STATE_OPEN:
    case WSM_STATE_CLOSING:
      wsm_ending_end(m, e, now_ms);
      return;
    default:
      return;
  }
}

void wsm_manager_abort (struct wsm_manager *m, const struct wsm_error *e,
                        uint64_t now_ms) {
  m->local = true;
  wsm_manager_lost(m, e, now_ms);
}

/* --- what the owner says about the end --- */

void wsm_manager_verdict (struct wsm_manager *m, bool again, int64_t delay_ms,
                          uint64_t now_ms) {
  if (m->phase != WSM_PHASE_VERDICT) return;
  if (again) schedule(m, delay_ms, now_ms);
  else finish(m, now_ms);
}

void wsm_manager_close (struct wsm_manager *m, unsigned code,
                        const char *reason, size_t n, uint64_t now_ms) {
  const struct farewell f = { code, reason, n };
  struct wsm_error e;
  m->local = true;
  switch (m->state) {
    case WSM_STATE_OPEN:
      close_open(m, &f, now_ms);
      return;
    case WSM_STATE_CONNECTING:
      wsm_error_set(&e, WSM_CLOSED, "closed before the connection was there");
      wsm_ending_end(m, &e, now_ms);
      return;
    case WSM_STATE_WAITING:
    case WSM_STATE_LOCKED:
    case WSM_STATE_EXHAUSTED:
      finish(m, now_ms);
      return;
    default:
      return;
  }
}
