#include "manager/recovery.h"

#include "base/random.h"
#include "base/hidden.h"

#define SHORTEST_MS 1000 /* a wait is not cut shorter */
#define SPREAD_MS 1000   /* with full jitter: other machines wake up, too */

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

void wsm_recovery_begin_wait (struct wsm_manager *m, uint64_t now_ms) {
  m->may_shorten = m->retry_after_ms == 0;
  if (m->recovered && m->may_shorten && !wsm_state_had_session(m))
    end_wait(m, now_ms, now_ms);
  m->recovered = false;
}

void wsm_recovery_note (struct wsm_manager *m, uint64_t now_ms) {
  if (m->state == WSM_STATE_CONNECTING || m->step == WSM_STEP_VERDICT)
    m->recovered = m->failures > 0;
  if (m->state == WSM_STATE_WAITING && m->may_shorten)
    end_wait(m, m->due_ms - m->delay_ms, now_ms);
}
