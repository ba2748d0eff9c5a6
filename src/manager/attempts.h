/*
** attempts.h - connection attempts: whether another follows, and when
** Depends on policy.h, random.h, rate.h and state.h. It knows how the last one
** ended, what the policy says about that, the delays and the rate.
** Never changes the state: it returns what it decided, or moves a deadline.
*/
#ifndef WSM_ATTEMPTS_H
#define WSM_ATTEMPTS_H

#include "manager/state.h"

/* How a connection, or the attempt at one, ended. */
struct wsm_ending {
  enum wsm_token token; /* WSM_NONE after an orderly close */
  bool final;           /* the error's: trying again cannot help */
  bool local;           /* close() was called here */
  bool renewed;         /* the attempt before was rejected with 401 or 403 */
  unsigned code;        /* close code, WSM_ABNORMAL without one */
  unsigned status;      /* of the HTTP response that rejected; 0: none did */
};

/* May another attempt follow? */
bool wsm_attempts_may_follow (const struct wsm_policy *p,
                              const struct wsm_ending *ending);

/* Did the peer reject the credentials (401, 403), which a function renews? */
bool wsm_attempts_may_renew (const struct wsm_policy *p, unsigned status);

/* The wait before attempt 1, 2 ...: the delay, grown by the factor up to the cap,
** or that of the list, whose last one repeats; then drawn between what jitter
** leaves of it and all of it. Jitter alone leaves at least 100 ms. chance is in
** [0, 1). */
uint32_t wsm_attempts_delay (const struct wsm_policy *p, uint32_t attempt,
                             double chance);

/* Is no attempt left of reconnect.limit? */
bool wsm_attempts_are_exhausted (const struct wsm_manager *m);

/* The wait before the next attempt, in ms: the policy's, with the pause after an
** orderly close, or delay_ms if it is >= 0; what Retry-After asked for, unless
** delay_ms is given; and never less than the rate needs. */
uint32_t wsm_attempts_wait (struct wsm_manager *m, int64_t delay_ms,
                            uint64_t now_ms);

/* From when on the rate lets an attempt begin: now, or later. */
uint64_t wsm_attempts_next (const struct wsm_manager *m, uint64_t now_ms);

/* One begins to connect. false without memory to remember it. */
bool wsm_attempts_note (struct wsm_manager *m, uint64_t now_ms);

/* The same times of attempts, for m, which has none. false without memory. */
bool wsm_attempts_copy (struct wsm_manager *m, const struct wsm_manager *from);

void wsm_attempts_free (struct wsm_manager *m);

/* --- a planned renewal: another connection takes the place of an open one --- */

/* It is open: RENEW comes after policy->after_ms, up to a tenth of that sooner, as
** jitter spreads it. */
void wsm_attempts_plan_renewal (struct wsm_manager *m, uint64_t now_ms);

/* The renewal failed: it comes again, after the delay before another attempt. */
void wsm_attempts_renewal_failed (struct wsm_manager *m, uint64_t now_ms);

/* --- a wait that ends early ---
** The machine woke up, or its network came back: a wait to reconnect whose length the
** policy chose ends at once, but for a little spread (reconnect.jitter), and not
** within a second of its beginning: a network that flaps makes no more than one
** attempt a second. One that the peer (Retry-After) or the owner (reconnect.when)
** asked for stays. */

/* A wait has begun; the policy chose its length. */
void wsm_attempts_begin_wait (struct wsm_manager *m, uint64_t now_ms);

/* The network is back. An attempt under way may be one that it came too late for:
** if it fails, the wait after it is short. */
void wsm_attempts_note_recovery (struct wsm_manager *m, uint64_t now_ms);

/* Would it make a difference? */
static inline bool wsm_attempts_await_recovery (const struct wsm_manager *m) {
  return m->state == WSM_STATE_WAITING ||
         (m->state == WSM_STATE_CONNECTING && m->failures > 0);
}

#endif
