#include "manager/sending.h"

#include <string.h>
#include "base/memory.h"
#include "base/hidden.h"

#define SAMPLES 64
#define SAMPLE_BYTES (256u << 10) /* between two while output always waits */

/* How many messages had been wholly written when so many bytes were. */
struct sample {
  uint64_t position; /* of counters.bytes_out */
  uint64_t messages; /* of counters.messages_out */
};

struct wsm_uncertain {
  struct sample samples[SAMPLES]; /* the first: when the connection began */
  unsigned count;
  uint64_t acknowledged;     /* a position: the peer has what is before it */
  struct wsm_dropped untold; /* by the event */
};

struct wsm_sending *wsm_sending_get (struct wsm_manager *m) {
  if (m->sending) return m->sending;
  m->sending = wsm_zalloc(sizeof *m->sending);
  if (!m->sending) return NULL;
  m->sending->output.bytes.pool = m->pool;
  m->sending->expires_ms = WSM_NEVER;
  m->sending->rate.limit = m->policy->rate_limit;
  m->sending->rate.per_ms = m->policy->rate_per_ms;
  return m->sending;
}

void wsm_sending_free (struct wsm_manager *m) {
  if (!m->sending) return;
  wsm_message_queue_clear(&m->sending->output);
  wsm_rate_clear(&m->sending->rate);
  wsm_free(m->sending->uncertain);
  wsm_free(m->sending);
  m->sending = NULL;
}

/* --- what may be lost --- */

/* Drops every second of the older ones, but not the first. */
static void thin_out (struct wsm_uncertain *u) {
  unsigned i, kept = 1;
  for (i = 1; i < u->count; i++)
    if (i >= u->count / 2 || i % 2 == 0) u->samples[kept++] = u->samples[i];
  u->count = kept;
}

static void take_sample (struct wsm_manager *m) {
  struct wsm_uncertain *u = m->sending->uncertain;
  const uint64_t position = m->counters.bytes_out;
  const struct sample *last = &u->samples[u->count - 1];
  uint64_t unsent = 0;
  if (wsm_session_pending(&m->session) > 0) {
    if (position < last->position + SAMPLE_BYTES) return;
    unsent = wsm_session_count_unsent(&m->session);
  }
  if (unsent > m->counters.messages_out) return;
  if (u->count == SAMPLES) thin_out(u);
  u->samples[u->count].position = position;
  u->samples[u->count++].messages = m->counters.messages_out - unsent;
}

bool wsm_sending_track (struct wsm_manager *m) {
  struct wsm_sending *s = wsm_sending_get(m);
  if (!s || s->uncertain) return s != NULL;
  s->uncertain = wsm_zalloc(sizeof *s->uncertain);
  if (!s->uncertain) return false;
  wsm_sending_begin(m);
  return true;
}

void wsm_sending_begin (struct wsm_manager *m) {
  struct wsm_uncertain *u = m->sending->uncertain;
  u->samples[0].position = u->acknowledged = m->counters.bytes_out;
  u->samples[0].messages = m->counters.messages_out;
  u->count = 1;
}

/* What is not acknowledged below us is at most as much of ours: TLS adds bytes. */
void wsm_sending_acknowledged (struct wsm_manager *m,
                               const struct wsm_delivery *delivery) {
  struct wsm_uncertain *u = m->sending->uncertain;
  const uint64_t out = m->counters.bytes_out;
  const uint64_t rest = delivery->written - delivery->acknowledged;
  if (rest < out && out - rest > u->acknowledged) u->acknowledged = out - rest;
}

/* How many messages the peer has for sure. */
static uint64_t arrived (const struct wsm_uncertain *u) {
  unsigned i = u->count - 1;
  while (i > 0 && u->samples[i].position > u->acknowledged) i--;
  return u->samples[i].messages;
}

void wsm_sending_end (struct wsm_manager *m) {
  struct wsm_uncertain *u = m->sending->uncertain;
  const uint64_t before = arrived(u);
  const bool answered = m->local && (m->session.closing & WSM_CLOSE_RECEIVED);
  /* the peer's answer to our close frame followed all of it */
  if (!answered && m->counters.messages_out > before) {
    const uint64_t messages = m->counters.messages_out - before;
    m->counters.uncertain += messages;
    if (m->journal)
      wsm_state_note(
        m,
        &(struct wsm_noted){ WSM_NOTE_UNCERTAIN, messages,
                             m->counters.bytes_out - u->acknowledged, NULL },
        0);
    u->untold.count += messages;
    u->untold.bytes += m->counters.bytes_out - u->acknowledged;
    wsm_events_push(&m->events, WSM_EVENT_UNCERTAIN);
  }
  wsm_sending_begin(m);
}

void wsm_sending_uncertain (const struct wsm_manager *m,
                            struct wsm_dropped *uncertain) {
  memset(uncertain, 0, sizeof *uncertain);
  if (wsm_sending_is_tracked(m)) *uncertain = m->sending->uncertain->untold;
}

void wsm_sending_uncertain_told (struct wsm_manager *m) {
  if (wsm_sending_is_tracked(m))
    memset(&m->sending->uncertain->untold, 0, sizeof(struct wsm_dropped));
}

/* --- the rate --- */

uint64_t wsm_sending_next (const struct wsm_manager *m, bool urgent,
                           uint64_t now_ms) {
  const struct wsm_policy *p = m->policy;
  const struct wsm_sending *s = m->sending;
  const uint32_t reserve = urgent ? 0 : p->rate_reserve;
  if (!p->rate_limit || !s) return now_ms;
  /* what is not written will count from then on */
  if (s->unwritten >= p->rate_limit - reserve) return now_ms + p->rate_per_ms;
  return wsm_rate_next(&s->rate, reserve, now_ms);
}

bool wsm_sending_count (struct wsm_manager *m, uint64_t now_ms) {
  struct wsm_sending *s;
  if (!m->policy->rate_limit) return true;
  s = wsm_sending_get(m);
  if (!s || !wsm_rate_note(&s->rate, now_ms)) return false;
  s->unwritten++;
  return true;
}

void wsm_sending_undo (struct wsm_manager *m, size_t n) {
  struct wsm_sending *s = m->sending;
  const uint32_t undone = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
  if (!m->policy->rate_limit || !s) return;
  wsm_rate_undo(&s->rate, undone);
  s->unwritten -= undone < s->unwritten ? undone : s->unwritten;
}

void wsm_sending_wrote (struct wsm_manager *m, uint64_t now_ms) {
  struct wsm_sending *s = m->sending;
  if (wsm_sending_is_tracked(m)) take_sample(m);
  if (!s || s->unwritten == 0) return;
  wsm_rate_move(&s->rate, s->unwritten, now_ms);
  if (wsm_session_pending(&m->session) == 0) s->unwritten = 0;
}

/* --- what was dropped --- */

void wsm_sending_drop (struct wsm_manager *m, enum wsm_token token,
                       const struct wsm_dropped *dropped) {
  struct wsm_sending *s;
  if (dropped->count == 0) return;
  m->counters.dropped += dropped->count;
  if (m->totals) m->totals->dropped[token] += dropped->count;
  if (m->journal)
    wsm_state_note(m,
                   &(struct wsm_noted){ WSM_NOTE_DROPPED, dropped->count,
                                        dropped->bytes, wsm_token_name(token) },
                   0);
  s = wsm_sending_get(m);
  if (!s) return;
  s->untold[token - WSM_TIMEOUT].count += dropped->count;
  s->untold[token - WSM_TIMEOUT].bytes += dropped->bytes;
  wsm_events_push(&m->events, WSM_EVENT_DROPPED);
}

enum wsm_token wsm_sending_untold (const struct wsm_manager *m,
                                   struct wsm_dropped *dropped) {
  int i;
  dropped->count = dropped->bytes = 0;
  for (i = 0; m->sending && i < WSM_DROPPED_TOKENS; i++) {
    *dropped = m->sending->untold[i];
    if (dropped->count) return (enum wsm_token)(WSM_TIMEOUT + i);
  }
  return WSM_NONE;
}

void wsm_sending_told (struct wsm_manager *m) {
  struct wsm_dropped dropped;
  const enum wsm_token token = wsm_sending_untold(m, &dropped);
  if (token == WSM_NONE) return;
  m->sending->untold[token - WSM_TIMEOUT].count = 0;
  m->sending->untold[token - WSM_TIMEOUT].bytes = 0;
  if (wsm_sending_untold(m, &dropped) != WSM_NONE)
    wsm_events_push(&m->events, WSM_EVENT_DROPPED);
}

/* --- what was received and dropped --- */

void wsm_sending_drop_untaken (struct wsm_manager *m, enum wsm_token token,
                               const struct wsm_dropped *dropped) {
  struct wsm_dropped *untaken;
  if (dropped->count == 0) return;
  m->counters.unread += dropped->bytes;
  if (!wsm_sending_get(m)) return;
  untaken = &m->sending->untaken[token == WSM_LOGIN];
  untaken->count += dropped->count;
  untaken->bytes += dropped->bytes;
  wsm_events_push(&m->events, WSM_EVENT_UNTAKEN);
}

enum wsm_token wsm_sending_untaken (const struct wsm_manager *m,
                                    struct wsm_dropped *dropped) {
  static const enum wsm_token tokens[] = { WSM_FULL, WSM_LOGIN };
  int i;
  dropped->count = dropped->bytes = 0;
  for (i = 0; m->sending && i < WSM_UNTAKEN_TOKENS; i++) {
    *dropped = m->sending->untaken[i];
    if (dropped->count) return tokens[i];
  }
  return WSM_NONE;
}

void wsm_sending_untaken_told (struct wsm_manager *m) {
  struct wsm_dropped dropped;
  const enum wsm_token token = wsm_sending_untaken(m, &dropped);
  if (token == WSM_NONE) return;
  m->sending->untaken[token == WSM_LOGIN].count = 0;
  m->sending->untaken[token == WSM_LOGIN].bytes = 0;
  if (wsm_sending_untaken(m, &dropped) != WSM_NONE)
    wsm_events_push(&m->events, WSM_EVENT_UNTAKEN);
}
