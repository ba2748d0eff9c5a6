#include "attempts.h"

#include <string.h>

#include "invariants.h"

static uint64_t now_of (const struct client *c) {
  return c->world->schedule.now_ms;
}

static void note_end (struct client *c) {
  const struct wsm_manager *m = c->manager;
  const bool stable = c->opened_ms &&
                      now_of(c) - c->opened_ms >= c->policy.stable_ms;
  c->orderly = m->error.token == WSM_NONE && m->clean;
  c->failures = stable ? 1 : c->failures + 1;
  if (c->calls_reconnect) c->failures = 0;
  c->opened_ms = 0;
  if (m->error.token != WSM_HANDSHAKE) c->retry_after_ms = 0;
  c->ended_ms = now_of(c);
}

/* --- whether --- */

static bool is_listed (const struct client *c, unsigned number) {
  uint32_t i;
  for (i = 0; i < c->lists.nevers; i++)
    if (c->lists.never[i] == number) return true;
  return false;
}

/* The status or the code says that there is no use. Whoever is refused a login, or
** closes by himself, learns nothing from a code. */
static bool is_final (const struct client *c) {
  const struct wsm_manager *m = c->manager;
  const unsigned status = m->error.token == WSM_HANDSHAKE ? m->status : 0;
  if (is_listed(c, status)) return true;
  if (m->error.token == WSM_LOGIN || strstr(m->error.detail, "the login was"))
    return false;
  return status == 403 || m->code == 1008 || is_listed(c, m->code);
}

static void check_next (struct client *c, bool again) {
  const struct wsm_manager *m = c->manager;
  const bool exhausted = c->policy.budget != WSM_UNBOUNDED &&
                         c->failures > c->policy.budget;
  const enum wsm_state expected = !again      ? WSM_STATE_CLOSED
                                  : exhausted ? WSM_STATE_EXHAUSTED
                                              : WSM_STATE_WAITING;
  if (wsm_manager_state(m) == expected) return;
  invariant_broken(c->world, BROKEN_OTHER,
                   "client %u: after failure %u of %d (code %d, status %d, %s) "
                   "its state is %u, not %u",
                   c->number, c->failures, (int)c->policy.budget, m->code,
                   m->status, m->error.detail, (unsigned)m->state,
                   (unsigned)expected);
}

void attempts_note_end (struct client *c) {
  const struct wsm_manager *m = c->manager;
  note_end(c);
  if (c->calls_reconnect) return;
  if (!c->policy.ask_verdict) check_next(c, !is_final(c));
  else if (m->step != WSM_STEP_VERDICT || m->error.final != is_final(c))
    invariant_broken(c->world, BROKEN_OTHER,
                     "client %u: code %d, status %d: final is %d", c->number,
                     m->code, m->status, m->error.final);
}

void attempts_check_verdict (struct client *c, bool again) {
  check_next(c, again);
}

/* --- when --- */

/* The option `reconnect`: the list's delays, or delay, times factor each time,
** at most max_delay. */
static double whole_delay (const struct client *c) {
  const struct wsm_policy *p = &c->policy;
  const struct wsm_retry_lists *l = &c->lists;
  double delay = p->delay_ms;
  const double cap = p->max_delay_ms > p->delay_ms ? p->max_delay_ms
                                                   : p->delay_ms;
  uint32_t i;
  if (l->delays)
    return l
      ->delays_ms[(c->failures < l->delays ? c->failures : l->delays) - 1];
  for (i = 1; i < c->failures && delay < cap; i++) delay *= p->factor;
  return delay < cap ? delay : cap;
}

static void check_wait (struct client *c) {
  const struct wsm_policy *p = &c->policy;
  const double whole = whole_delay(c), pause = c->orderly ? p->pause_ms : 0;
  const double waited = (double)(now_of(c) - c->ended_ms);
  double low = whole * (1 - p->jitter), high = whole + pause;
  const double asked = (double)c->retry_after_ms;
  const uint64_t rate_ms = window_next(&c->attempts);
  if (low < 100) low = whole < 100 ? whole : 100;
  if (c->recovered && low + pause > 1000) low = 1000 - pause;
  c->recovered = false;
  if (waited + 1 < low + pause || waited < asked)
    invariant_broken(c->world, BROKEN_OTHER,
                     "client %u: attempt %u came %.3f s after the end, not "
                     "before %.3f s was agreed",
                     c->number, c->failures, waited / 1000,
                     (asked > low + pause ? asked : low + pause) / 1000);
  if (high < asked) high = asked;
  if ((double)c->ended_ms + high < (double)rate_ms)
    high = (double)(rate_ms - c->ended_ms);
  if (c->free_ms < c->ended_ms && waited > high + LATE_MS)
    invariant_broken(c->world, BROKEN_OTHER,
                     "client %u: attempt %u came %.3f s after the end, not "
                     "within %.3f s",
                     c->number, c->failures, waited / 1000, high / 1000);
}

static void count_attempt (struct client *c) {
  struct histogram *h = c->world->histogram;
  uint64_t bucket;
  if (!h) return;
  bucket = (now_of(c) - h->from_ms) / h->bucket_ms;
  if (bucket < h->buckets) h->counts[bucket]++;
}

static void check_rate (struct client *c) {
  if (window_note(&c->attempts, now_of(c))) return;
  invariant_broken(c->world, BROKEN_OTHER,
                   "client %u: more than %u attempts in %g s", c->number,
                   c->policy.attempt_limit, c->policy.attempt_per_ms / 1000.0);
}

void attempts_check (struct client *c) {
  const uint64_t attempts = c->manager->counters.attempts;
  if (attempts == c->last_attempts) return;
  c->world->tally.attempts += attempts - c->last_attempts;
  count_attempt(c);
  if (attempts != c->last_attempts + 1)
    invariant_broken(c->world, BROKEN_OTHER, "client %u: two attempts at once",
                     c->number);
  c->last_attempts = attempts;
  if (c->original) {
    check_rate(c->original);
    return;
  }
  if (c->ended_ms != NEVER && !c->calls_reconnect && !c->hurries) check_wait(c);
  check_rate(c);
  c->ended_ms = NEVER;
  c->hurries = false;
  c->retry_after_ms = 0;
}
