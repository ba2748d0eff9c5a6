/*
** heartbeat.h - liveness: heartbeats, pongs, and when the peer counts as dead
** Depends on state.h. A heartbeat is due after so long without a byte from the
** peer; after a longer silence the peer is dead. While the driver does not
** read, because the inbox is full, silence proves nothing.
** Never ends a connection: it returns whether the peer is dead.
*/
#ifndef WSM_HEARTBEAT_H
#define WSM_HEARTBEAT_H

#include "manager/state.h"

/* The connection is open. */
void wsm_heartbeat_start (struct wsm_manager *m, uint64_t now_ms);

/* Bytes came from the peer. */
static inline void wsm_heartbeat_received (struct wsm_manager *m,
                                           uint64_t now_ms) {
  m->received_ms = now_ms;
}

/* The driver stops reading, and reads again. */
static inline void wsm_heartbeat_pause (struct wsm_manager *m) {
  m->paused = true;
}

static inline void wsm_heartbeat_resume (struct wsm_manager *m,
                                         uint64_t now_ms) {
  if (m->paused) m->received_ms = now_ms;
  m->paused = false;
}

/* The session has read on: if the pong of our last ping came, takes the
** latency. */
static inline void wsm_heartbeat_note_pong (struct wsm_manager *m,
                                            uint64_t now_ms) {
  if (m->ping_ms == WSM_NEVER || m->session.pong_seen != m->ping_number) return;
  m->latency_ms = (int64_t)(now_ms - m->ping_ms);
  m->ping_ms = WSM_NEVER;
}

/* true: the peer is dead, and e says so. */
bool wsm_heartbeat_is_dead (const struct wsm_manager *m, uint64_t now_ms,
                            struct wsm_error *e);

/* Queues a heartbeat if one is due: the policy's message, or a ping. */
void wsm_heartbeat_tick (struct wsm_manager *m, uint64_t now_ms);

/* When one of the two above has something to do. */
uint64_t wsm_heartbeat_deadline (const struct wsm_manager *m);

/* May the deadline be met up to a second late? */
bool wsm_heartbeat_is_lax (const struct wsm_manager *m);

/* Is it a heartbeat, and so not to be sent again on another connection? */
bool wsm_heartbeat_matches (const struct wsm_manager *m,
                            const struct wsm_message *message);

#endif
