/*
** ending.h - the end of a connection, or of an attempt, and what comes after
** Depends on attempts.h, inbox.h, outbox.h and state.h.
** Never begins a connection.
*/
#ifndef WSM_ENDING_H
#define WSM_ENDING_H

#include "manager/state.h"

/* --- the closing handshake --- */

/* OPEN: our close frame goes behind all that waits; LOGIN: behind what that sent. */
void wsm_ending_close (struct wsm_manager *m,
                       const struct wsm_close_params *params, uint64_t now_ms);

/* OPEN, LOGIN: the session ended: the peer closed, or broke a rule. */
void wsm_ending_session_ended (struct wsm_manager *m, uint64_t now_ms);

/* CLOSING: bytes came. Messages are kept, as many as the inbox holds. */
void wsm_ending_received (struct wsm_manager *m);

/* OPEN, the inbox full: the peer has ended or reset the connection. CLOSING, and
** what the kernel still holds is read as the inbox has room (m->draining). */
void wsm_ending_hung_up (struct wsm_manager *m, uint64_t now_ms);

/* The owner closes meanwhile: only what the inbox holds is kept of it. */
void wsm_ending_stop_draining (struct wsm_manager *m, uint64_t now_ms);

/* CLOSING: the deadline passed. */
void wsm_ending_timeout (struct wsm_manager *m, uint64_t now_ms);

/* CONNECTING, a server: CLOSING, with a response in the output that rejects. */
void wsm_ending_rejected (struct wsm_manager *m, uint64_t now_ms);

/* --- the end --- */

/* The connection, or the attempt, is over because of e (may be &m->error;
** NULL: EOF). Events are queued, and the policy says what comes next. */
void wsm_ending_end (struct wsm_manager *m, const struct wsm_error *e,
                     uint64_t now_ms);

/* Ends the connection for a reconnect() by the user: no error, no policy, and
** the state is the caller's to change. */
void wsm_ending_abandon (struct wsm_manager *m, uint64_t now_ms);

/* A login has failed when its connection had ended already, and m->error says why:
** that is the error of the end, of which the owner has not been told. */
void wsm_ending_amend_login (struct wsm_manager *m);

/* --- without a connection --- */

/* LOCKED because of m->error. */
void wsm_ending_lock (struct wsm_manager *m);

/* WAITING, for an attempt after delay_ms, or the policy's delay if it is < 0. */
void wsm_ending_wait (struct wsm_manager *m, int64_t delay_ms, uint64_t now_ms);

/* The same, and one failure more; EXHAUSTED after the last one. */
void wsm_ending_reconnect (struct wsm_manager *m, int64_t delay_ms,
                           uint64_t now_ms);

/* CLOSED, from a state without a connection: an error event only if messages
** were never sent. */
void wsm_ending_finish (struct wsm_manager *m);

#endif
