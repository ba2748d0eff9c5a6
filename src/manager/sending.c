#include "manager/sending.h"

#include "base/memory.h"
#include "base/hidden.h"

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
  wsm_free(m->sending);
  m->sending = NULL;
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
