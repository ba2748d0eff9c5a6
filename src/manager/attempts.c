#include "manager/attempts.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/rate.h"
#include "websocket/close_code.h"
#include "base/hidden.h"

#define MIN_WAIT_MS 100  /* jitter alone may not go below */
#define SHORTEST_MS 1000 /* a wait is not cut shorter */
#define SPREAD_MS 1000   /* with full jitter: other machines wake up, too */

/* --- whether --- */

/* Codes after which another attempt would end the same way. */
static bool is_hopeless (unsigned code) {
  return code == WSM_PROTOCOL_ERROR || code == WSM_UNSUPPORTED ||
         (code >= WSM_INVALID_DATA && code <= WSM_MANDATORY_EXTENSION);
}

/* reconnect.never: close codes and statuses, whose numbers do not overlap. */
static bool is_never (const struct wsm_policy *p, unsigned number) {
  uint32_t i;
  if (!p->lists || number == 0) return false;
  for (i = 0; i < p->lists->nevers; i++)
    if (p->lists->never[i] == number) return true;
  return false;
}

bool wsm_attempts_may_renew (const struct wsm_policy *p, unsigned status) {
  return p->renews && (status == 401 || status == 403);
}

bool wsm_attempts_may_follow (const struct wsm_policy *p,
                              const struct wsm_ending *ending) {
  if (ending->local || ending->token == WSM_LOCKED ||
      ending->token == WSM_EXHAUSTED)
    return false;
  if (is_never(p, ending->code) || is_never(p, ending->status)) return false;
  if (wsm_attempts_may_renew(p, ending->status)) return !ending->renewed;
  return !ending->final && !is_hopeless(ending->code);
}

bool wsm_attempts_are_exhausted (const struct wsm_manager *m) {
  const uint32_t budget = m->policy->budget;
  return budget != WSM_UNBOUNDED && m->failures >= budget;
}

/* --- when --- */

static double power (double base, uint32_t exponent) {
  double result = 1;
  for (; exponent; exponent >>= 1) {
    if (exponent & 1) result *= base;
    base *= base;
  }
  return result;
}

/* The longest wait: max_delay, but never less than the delay asked for. */
static double cap (const struct wsm_policy *p) {
  if (p->max_delay_ms == 0) return (double)UINT32_MAX;
  return p->max_delay_ms < p->delay_ms ? p->delay_ms : p->max_delay_ms;
}

static double grown (const struct wsm_policy *p, uint32_t attempt) {
  double whole = p->delay_ms;
  if (whole > 0 && attempt > 1) whole *= power(p->factor, attempt - 1);
  return whole < cap(p) ? whole : cap(p);
}

static double listed (const struct wsm_retry_lists *lists, uint32_t attempt) {
  const uint32_t last = lists->delays - 1, i = attempt ? attempt - 1 : 0;
  return lists->delays_ms[i < last ? i : last];
}

uint32_t wsm_attempts_delay (const struct wsm_policy *p, uint32_t attempt,
                             double chance) {
  const double whole = p->lists && p->lists->delays ? listed(p->lists, attempt)
                                                    : grown(p, attempt);
  double least = whole * (1 - p->jitter);
  if (least < MIN_WAIT_MS) least = whole < MIN_WAIT_MS ? whole : MIN_WAIT_MS;
  return (uint32_t)(whole - (whole - least) * chance);
}

static uint64_t policy_delay (struct wsm_manager *m) {
  const bool orderly = m->clean && m->error.token == WSM_NONE;
  uint64_t delay = wsm_attempts_delay(m->policy, m->failures,
                                      wsm_random_next(&m->jitter_seed));
  if (orderly) delay += m->policy->pause_ms;
  return delay < m->retry_after_ms ? m->retry_after_ms : delay;
}

uint32_t wsm_attempts_wait (struct wsm_manager *m, int64_t delay_ms,
                            uint64_t now_ms) {
  const uint64_t rate_ms = wsm_attempts_next(m, now_ms) - now_ms;
  uint64_t wait = delay_ms >= 0 ? (uint64_t)delay_ms : policy_delay(m);
  if (wait < rate_ms) wait = rate_ms;
  return wait < UINT32_MAX ? (uint32_t)wait : UINT32_MAX;
}

/* --- the rate --- */

uint64_t wsm_attempts_next (const struct wsm_manager *m, uint64_t now_ms) {
  return m->attempts ? wsm_rate_next(m->attempts, 0, now_ms) : now_ms;
}

bool wsm_attempts_note (struct wsm_manager *m, uint64_t now_ms) {
  const struct wsm_policy *p = m->policy;
  if (p->attempt_limit == 0) return true;
  if (!m->attempts) {
    m->attempts = wsm_zalloc(sizeof *m->attempts);
    if (!m->attempts) return false;
    m->attempts->limit = p->attempt_limit;
    m->attempts->per_ms = p->attempt_per_ms;
  }
  return wsm_rate_note(m->attempts, now_ms);
}

bool wsm_attempts_copy (struct wsm_manager *m, const struct wsm_manager *from) {
  m->attempts = wsm_alloc(sizeof *m->attempts);
  if (m->attempts && wsm_rate_copy(m->attempts, from->attempts)) return true;
  wsm_attempts_free(m);
  return false;
}

void wsm_attempts_free (struct wsm_manager *m) {
  if (m->attempts) wsm_rate_clear(m->attempts);
  wsm_free(m->attempts);
  m->attempts = NULL;
}

/* --- a planned renewal --- */

#define SPREAD_PART 10 /* of the time until then */

void wsm_attempts_plan_renewal (struct wsm_manager *m, uint64_t now_ms) {
  const struct wsm_policy *p = m->policy;
  const double spread = p->jitter * p->after_ms / SPREAD_PART;
  m->renewals = 0;
  m->renew_ms = wsm_state_after(now_ms, p->after_ms);
  if (p->after_ms)
    m->renew_ms -= (uint64_t)(spread * wsm_random_next(&m->jitter_seed));
}

void wsm_attempts_renewal_failed (struct wsm_manager *m, uint64_t now_ms) {
  if (m->renewals < UINT32_MAX) m->renewals++;
  m->renew_ms = now_ms + wsm_attempts_delay(m->policy, m->renewals,
                                            wsm_random_next(&m->jitter_seed));
}

/* --- a wait that ends early --- */

/* began_ms: of the wait. */
static void end_wait (struct wsm_manager *m, uint64_t began_ms,
                      uint64_t now_ms) {
  const double chance = wsm_random_next(&m->jitter_seed);
  uint64_t due_ms = began_ms + SHORTEST_MS;
  if (due_ms < now_ms) due_ms = now_ms;
  due_ms += (uint64_t)(SPREAD_MS * m->policy->jitter * chance);
  if (due_ms < m->due_ms) m->due_ms = due_ms;
  m->may_shorten = false;
}

void wsm_attempts_begin_wait (struct wsm_manager *m, uint64_t now_ms) {
  m->may_shorten = m->retry_after_ms == 0;
  if (m->recovered && m->may_shorten && !wsm_state_had_session(m))
    end_wait(m, now_ms, now_ms);
  m->recovered = false;
}

void wsm_attempts_note_recovery (struct wsm_manager *m, uint64_t now_ms) {
  if (m->state == WSM_STATE_CONNECTING || m->step == WSM_STEP_VERDICT)
    m->recovered = m->failures > 0;
  if (m->state == WSM_STATE_WAITING && m->may_shorten)
    end_wait(m, m->due_ms - m->delay_ms, now_ms);
}
