/*
** recovery.h - the machine woke up or its network came back: wait no longer
** Depends on state.h. A wait to reconnect whose length the policy chose ends at
** once, but for a little spread (reconnect.jitter), and not within a second of
** its beginning: a network that flaps makes no more than one attempt a second.
** One that the peer (Retry-After) or the owner (reconnect.when) asked for stays.
** Never begins an attempt: it moves the deadline.
*/
#ifndef WSM_RECOVERY_H
#define WSM_RECOVERY_H

#include "manager/state.h"

/* A wait has begun; the policy chose its length. */
void wsm_recovery_begin_wait (struct wsm_manager *m, uint64_t now_ms);

/* The network is back. An attempt under way may be one that it came too late for:
** if it fails, the wait after it is short. */
void wsm_recovery_note (struct wsm_manager *m, uint64_t now_ms);

/* Would it make a difference? */
static inline bool wsm_recovery_is_awaited (const struct wsm_manager *m) {
  return m->state == WSM_STATE_WAITING ||
         (m->state == WSM_STATE_CONNECTING && m->failures > 0);
}

#endif
