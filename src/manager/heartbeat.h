/*
** heartbeat.h - liveness: heartbeats, their answers, and when a peer is dead
** Depends on state.h and sending.h. A heartbeat is due by the rules of wsm_heartbeat_rules, and
** the peer has timeout - interval to answer it. While it acknowledges more of an
** upload that the heartbeat is in, that time begins anew; while the driver does
** not read, because the inbox is full, what TCP acknowledges is the answer.
** Never ends a connection: it returns what has become of the peer.
*/
#ifndef WSM_HEARTBEAT_H
#define WSM_HEARTBEAT_H

#include "manager/state.h"

enum wsm_liveness {
  WSM_ALIVE,
  WSM_DEAD,   /* e says why */
  WSM_HUNG_UP /* it has ended the connection, behind a full inbox */
};

/* The rules that hold for the connection. */
static inline const struct wsm_heartbeat_rules *
wsm_heartbeat_rules (const struct wsm_manager *m) {
  return m->heartbeat.own ? m->heartbeat.own : &m->policy->heartbeat;
}

/* Other rules from now on, for later connections, too; copied. NULL: those of the
** policy again. false without memory: nothing happened. */
bool wsm_heartbeat_set (struct wsm_manager *m,
                        const struct wsm_heartbeat_rules *rules,
                        uint64_t now_ms);

/* The connection is open. */
void wsm_heartbeat_start (struct wsm_manager *m, uint64_t now_ms);

/* Bytes came from the peer. */
static inline void wsm_heartbeat_received (struct wsm_manager *m,
                                           uint64_t now_ms) {
  m->received_ms = now_ms;
  m->heartbeat.heard = true;
}

/* A whole message did, with the last bytes. */
static inline void wsm_heartbeat_note_message (struct wsm_manager *m) {
  m->heartbeat.message_ms = m->received_ms;
  m->spoke = true;
}

/* The owner accepts a message as the answer (rules: ack). */
static inline void wsm_heartbeat_acknowledge (struct wsm_manager *m) {
  m->heartbeat.unanswered = false;
}

/* The owner's message, for WSM_EVENT_HEARTBEAT; data NULL: a ping instead. false
** without memory or a mask. */
bool wsm_heartbeat_message (struct wsm_manager *m,
                            const struct wsm_message *message);

/* n bytes of the output were written; called where `watching` is set. */
void wsm_heartbeat_wrote (struct wsm_manager *m, size_t n, uint64_t now_ms);

/* The driver stops reading, and reads again. */
void wsm_heartbeat_pause (struct wsm_manager *m, uint64_t now_ms);
void wsm_heartbeat_resume (struct wsm_manager *m, uint64_t now_ms);

/* Takes the latencies of the pings that were answered. */
void wsm_heartbeat_note_pongs (struct wsm_manager *m, uint64_t now_ms);

/* The session has read on: pongs may have come. */
static inline void wsm_heartbeat_note_pong (struct wsm_manager *m,
                                            uint64_t now_ms) {
  if (m->ping_ms != WSM_NEVER || m->session.awaited)
    wsm_heartbeat_note_pongs(m, now_ms);
}

/* The same behind a message that nobody took. */
static inline void wsm_heartbeat_scan (struct wsm_manager *m, uint64_t now_ms) {
  wsm_session_scan(&m->session);
  wsm_heartbeat_note_pong(m, now_ms);
}

/* Queues a ping for the owner, with this payload; data NULL: one of its own, that no
** other ping has. Its number; 0: no memory or mask, or it is awaited and so are
** WSM_PINGS_AWAITED others. awaited: WSM_EVENT_PONG comes when it was answered, and
** wsm_pings_take says how long it took. */
uint64_t wsm_heartbeat_ping (struct wsm_manager *m,
                             const struct wsm_message *payload, bool awaited,
                             uint64_t now_ms);

/* Frees what the manager holds for all of this. */
void wsm_heartbeat_free (struct wsm_manager *m);

/* The driver's report. Without any, nothing is ever acknowledged, and a read
** never finds anything that was not received yet. */
void wsm_heartbeat_report (struct wsm_manager *m,
                           const struct wsm_delivery *delivery,
                           uint64_t now_ms);

/* Judges the peer, and queues a heartbeat if one is due. After a report. */
enum wsm_liveness wsm_heartbeat_tick (struct wsm_manager *m, uint64_t now_ms,
                                      struct wsm_error *e);

/* When tick is to be called, at the latest: what the peer does meanwhile may only
** postpone what is to be done then. */
static inline uint64_t wsm_heartbeat_deadline (const struct wsm_manager *m) {
  return m->heartbeat.look_ms;
}

/* May the deadline be met up to a second late? */
bool wsm_heartbeat_is_lax (const struct wsm_manager *m);

/* Is it the heartbeat in the output, and so not to be sent again on another
** connection? */
bool wsm_heartbeat_matches (const struct wsm_manager *m,
                            const struct wsm_message *message);

#endif
