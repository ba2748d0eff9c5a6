/*
** manager.h - a managed connection: heartbeat, reconnect, outbox, redirects
** Depends on state.h and on the files below manager.c. It is given the time,
** the bytes, and what became of its socket; it returns what it wants done, when
** to call it again, and the events for its owner.
** Never touches a socket or a clock and never calls anybody.
**
** Its driver's round, after anything happened:
**   wsm_manager_tick(m, now); do what wsm_manager_want(m) says; let the owner
**   pop the events; and come back at wsm_manager_deadline(m).
** When the manager itself ends a connection (a deadline, close(), a response
** that rejects) it has dealt with the end before it wants WSM_WANT_DISCONNECT:
** the driver closes the socket and calls nothing. wsm_manager_lost is for what
** the driver noticed, and for the end that WSM_WANT_FINISH asked for.
** A server's side of a connection is the same manager: role WSM_SERVER, no
** reconnect, and a WSM_EVENT_REQUEST to be answered before it opens.
*/
#ifndef WSM_MANAGER_H
#define WSM_MANAGER_H

#include "http/server_response.h"
#include "manager/delivery.h"
#include "manager/attempts.h"
#include "manager/heartbeat.h"
#include "manager/http_server.h"
#include "manager/inbox.h"
#include "manager/login.h"
#include "manager/outbox.h"
#include "manager/sending.h"
#include "manager/state.h"
#include "manager/target.h"

struct wsm_manager_setup {
  enum wsm_role role;
  const struct wsm_policy *policy; /* borrowed for its life */
  struct wsm_keys *keys;           /* likewise */
  struct wsm_pool *pool;           /* likewise; may be NULL */
  uint64_t seed;                   /* of the jitter: any random number */
  int64_t clock_ms; /* a server: the time of day, since 1970; 0: unknown */
  bool
    tls; /* a server: its client begins with TLS; then wsm_manager_connected */
};

/* Starts in CLOSED (a client) or CONNECTING (a server, its socket there). */
void wsm_manager_init (struct wsm_manager *m,
                       const struct wsm_manager_setup *setup, uint64_t now_ms);
void wsm_manager_free (struct wsm_manager *m);

/* --- the owner calls --- */

/* Begins to connect; also the user's reconnect(): from WAITING, LOCKED,
** EXHAUSTED and CLOSED it connects at once with a fresh budget; while open it
** disconnects first. It waits only for the rate of attempts. */
static inline void wsm_manager_start (struct wsm_manager *m, uint64_t now_ms) {
  wsm_target_start(m, now_ms);
}

/* The same, for another target: an attempt under way is given up, too. */
static inline void wsm_manager_start_anew (struct wsm_manager *m,
                                           uint64_t now_ms) {
  wsm_target_start_anew(m, now_ms);
}

/* The replies to WSM_EVENT_TARGET. The texts are borrowed until the next
** target; nonce: WSM_NONCE_SIZE random bytes for the key. */
static inline void wsm_manager_target (struct wsm_manager *m,
                                       const struct wsm_request *request,
                                       const unsigned char *nonce,
                                       uint64_t now_ms) {
  wsm_target_set(m, request, nonce, now_ms);
}

static inline void wsm_manager_lock (struct wsm_manager *m, const char *why) {
  wsm_target_lock(m, why); /* copied */
}

/* The replies to WSM_EVENT_LOGIN, for the connection of that epoch
** (m->counters.epoch): it is open; for the other one see login.h. */
void wsm_manager_login_done (struct wsm_manager *m, uint64_t epoch,
                             uint64_t now_ms);

static inline void
wsm_manager_login_failed (struct wsm_manager *m, uint64_t epoch,
                          const struct wsm_login_failure *failure,
                          uint64_t now_ms) {
  wsm_login_failed(m, epoch, failure, now_ms);
}

/* The owner was told that the connection of a login is over: see login.h. */
static inline void wsm_manager_login_over (struct wsm_manager *m) {
  if (!wsm_state_has_session(m)) wsm_login_cut(m);
}

/* With policy->ask_release, after WSM_EVENT_OPEN: what was sent since that was popped
** went out first; now the outbox does. */
static inline void wsm_manager_release (struct wsm_manager *m,
                                        uint64_t now_ms) {
  wsm_outbox_release(m, now_ms);
}

/* Before that: is what is sent now the owner's first, or for the outbox? */
static inline void wsm_manager_hold (struct wsm_manager *m, bool all) {
  if (m->hold) m->hold = all ? WSM_HOLD_ALL : WSM_HOLD_OUTBOX;
}

/* There is no target now: the attempt fails because of e. */
static inline void wsm_manager_fail_target (struct wsm_manager *m,
                                            const struct wsm_error *e,
                                            uint64_t now_ms) {
  wsm_target_fail(m, e, now_ms);
}

/* The reply to WSM_EVENT_VERDICT: again or not; delay_ms < 0: the policy's. After
** the time to answer it is what m->error.final says. */
void wsm_manager_verdict (struct wsm_manager *m, bool again, int64_t delay_ms,
                          uint64_t now_ms);

/* The replies to WSM_EVENT_REQUEST. false without memory: nothing happened. A
** request that is no opening handshake (m->reject_status) cannot be accepted:
** it is rejected with that status. One that was answered or has ended meanwhile
** stays as it is: wsm_state_had_session tells. After the response to a plain request
** another WSM_EVENT_REQUEST may follow, if both sides let it (response->persistent).
** */
bool wsm_manager_accept (struct wsm_manager *m, const char *protocol,
                         const char *headers, uint64_t now_ms);
bool wsm_manager_refuse (struct wsm_manager *m,
                         const struct wsm_response *response, uint64_t now_ms);

/* Ends a server's side that is no WebSocket yet; a response that is being written
** is written. */
void wsm_manager_stop (struct wsm_manager *m, uint64_t now_ms);

/* The renewal that WSM_EVENT_RENEW asked for failed. */
void wsm_manager_renewal_failed (struct wsm_manager *m, uint64_t now_ms);

/* Moves what waits in the outbox of an open connection to the output, as far as
** there are masks and memory: before close(), which leaves behind what has no
** mask. true: some of it moved, and some is left. */
bool wsm_manager_send_waiting (struct wsm_manager *m, uint64_t now_ms);

/* close(code, reason), in every state; there is no reconnect after it. The reason
** is copied: at most 123 bytes of UTF-8. */
void wsm_manager_close (struct wsm_manager *m,
                        const struct wsm_close_params *params, uint64_t now_ms);

/* Into the output, or the outbox; copied. Text must be UTF-8 (the caller
** checked). terms: NULL for none. now_ms: looked at only where the policy has an
** rate, or an age of the outbox. */
enum wsm_sent wsm_manager_send (struct wsm_manager *m,
                                const struct wsm_message *message,
                                const struct wsm_terms *terms, uint64_t now_ms);

/* The peer confirms the message of that id, of 1 to WSM_ID_LIMIT bytes: what waited
** for that may follow. false: there is none. */
static inline bool wsm_manager_confirm (struct wsm_manager *m, const void *id,
                                        size_t n, uint64_t now_ms) {
  return wsm_outbox_confirm(m, id, n, now_ms);
}

/* Was a message of that id received before? It was, from now on. */
static inline bool wsm_manager_is_repeated (struct wsm_manager *m,
                                            const void *id, size_t n) {
  return wsm_delivery_is_repeated(m, id, n);
}

/* Has the kernel taken everything that was sent? If not, a FLUSHED event comes as
** soon as it is, or the events of the end. */
bool wsm_manager_is_flushed (struct wsm_manager *m);

/* ping(payload), at most WSM_CONTROL_LIMIT bytes, only while open. false
** without memory or a mask. */
static inline bool wsm_manager_ping (struct wsm_manager *m, const void *payload,
                                     size_t n) {
  const struct wsm_message message = { payload, n, true };
  return wsm_heartbeat_ping(m, &message, false, 0) != 0;
}

/* The next message, whose bytes are the manager's until pop. WSM_ENDED: none will come (CLOSED, LOCKED,
** EXHAUSTED and nothing undelivered); WSM_MORE: none yet. */
enum wsm_input wsm_manager_next (struct wsm_manager *m,
                                 struct wsm_message *message, uint64_t now_ms);
void wsm_manager_pop (struct wsm_manager *m, const struct wsm_message *taken);

/* The messages that wait for a connection, for the application to take. */
static inline struct wsm_message_queue *
wsm_manager_outbox (struct wsm_manager *m) {
  return &m->outbox;
}

/* Bytes received and not taken. */
static inline size_t wsm_manager_unread (const struct wsm_manager *m) {
  return wsm_inbox_unread(m);
}

/* Bytes sent and not written to the socket (W3C bufferedAmount: payload in the
** outbox included). */
static inline size_t wsm_manager_buffered (const struct wsm_manager *m) {
  return wsm_outbox_buffered(m);
}

/* Other rules for heartbeats from now on, for later connections, too; copied.
** NULL: the policy's again. false without memory: nothing happened. */
static inline bool
wsm_manager_set_heartbeat (struct wsm_manager *m,
                           const struct wsm_heartbeat_rules *rules,
                           uint64_t now_ms) {
  return wsm_heartbeat_set(m, rules, now_ms);
}

/* The reply to WSM_EVENT_HEARTBEAT; data NULL: a ping instead of a message. false
** without memory or a mask. One that comes too late does nothing. */
static inline bool wsm_manager_heartbeat (struct wsm_manager *m,
                                          const struct wsm_message *message) {
  return wsm_heartbeat_message(m, message);
}

/* A message that came answers the heartbeats sent so far (rules: ack). */
static inline void wsm_manager_acknowledge_heartbeat (struct wsm_manager *m) {
  wsm_heartbeat_acknowledge(m);
}

/* The oldest event; WSM_EVENT_NONE when there is none. */
static inline enum wsm_event wsm_manager_event (const struct wsm_manager *m) {
  return wsm_events_first(&m->events);
}

static inline void wsm_manager_event_pop (struct wsm_manager *m) {
  const enum wsm_event event = wsm_events_first(&m->events);
  if (m->hold && event == WSM_EVENT_OPEN) m->hold = WSM_HOLD_OUTBOX;
  wsm_events_pop(&m->events);
  if (event == WSM_EVENT_DROPPED) wsm_sending_told(m);
  if (event == WSM_EVENT_UNTAKEN) wsm_sending_untaken_told(m);
  if (event == WSM_EVENT_UNCERTAIN) wsm_sending_uncertain_told(m);
}

/* --- the driver calls --- */

/* Is the target that of a redirect to another origin? Then our certificate is
** not for it (wsm_redirects_left_origin). */
bool wsm_manager_left_origin (const struct wsm_manager *m);

/* Is it that of a redirect to another host? Then tls.hostname is not for it. */
bool wsm_manager_left_host (const struct wsm_manager *m);

/* The connection that redirected is closed, and wsm_manager_url says
** where to connect now; nonce as for the target. The open deadline is still the
** same. */
static inline void wsm_manager_redirect (struct wsm_manager *m,
                                         const unsigned char *nonce) {
  wsm_target_follow(m, nonce);
}

/* The socket is there, TLS done: the opening handshake may go, or come. */
void wsm_manager_connected (struct wsm_manager *m, uint64_t now_ms);

/* n bytes were committed to m->session. */
void wsm_manager_received (struct wsm_manager *m, size_t n, uint64_t now_ms);

/* n bytes of wsm_manager_output were written to the socket. */
void wsm_manager_wrote (struct wsm_manager *m, size_t n, uint64_t now_ms);

/* The socket is gone, or never came. why NULL: the peer ended it (EOF). */
void wsm_manager_lost (struct wsm_manager *m, const struct wsm_error *why,
                       uint64_t now_ms);

/* The same because the application wants it at once: there is no reconnect. */
void wsm_manager_abort (struct wsm_manager *m, const struct wsm_error *e,
                        uint64_t now_ms);

/* Bytes came from the peer that are none of ours yet: part of a TLS record. */
static inline void wsm_manager_heard (struct wsm_manager *m, uint64_t now_ms) {
  wsm_heartbeat_received(m, now_ms);
}

/* Should the driver report, before every tick and after anything that happened,
** what it finds at the socket? */
static inline bool wsm_manager_wants_delivery (const struct wsm_manager *m,
                                               uint64_t now_ms) {
  if (wsm_state_is_live(m))
    return m->heartbeat.report_due || now_ms >= m->heartbeat.look_ms;
  return m->state == WSM_STATE_CLOSING || m->step == WSM_STEP_RESPONSE;
}

void wsm_manager_delivered (struct wsm_manager *m,
                            const struct wsm_delivery *delivery,
                            uint64_t now_ms);

/* The machine woke up or its network came back, and does the manager want to be
** told (attempts.h)? */
static inline void wsm_manager_recovered (struct wsm_manager *m,
                                          uint64_t now_ms) {
  wsm_attempts_note_recovery(m, now_ms);
}

static inline bool wsm_manager_awaits_recovery (const struct wsm_manager *m) {
  return wsm_attempts_await_recovery(m);
}

/* The connection is another process's: closed for good, without events, and what
** was received or waited to be sent is gone. */
void wsm_manager_forget (struct wsm_manager *m, const struct wsm_error *e);

/* Time passed: heartbeats, deadlines, the next attempt. */
void wsm_manager_tick (struct wsm_manager *m, uint64_t now_ms);

/* When tick has something to do next; WSM_NEVER: only if something happens. */
uint64_t wsm_manager_deadline (const struct wsm_manager *m);

/* May the deadline be met up to a second late? */
static inline bool wsm_manager_is_deadline_lax (const struct wsm_manager *m) {
  return m->outbox.count == 0 && !wsm_delivery_is_resending(m) &&
         wsm_heartbeat_is_lax(m);
}

/* --- what the driver reads and sets --- */

/* What the driver must bring about now. */
static inline enum wsm_want wsm_manager_want (const struct wsm_manager *m) {
  return (enum wsm_want)m->want;
}

static inline enum wsm_state wsm_manager_state (const struct wsm_manager *m) {
  return (enum wsm_state)m->state;
}

static inline enum wsm_role wsm_manager_role (const struct wsm_manager *m) {
  return (enum wsm_role)m->role;
}

/* Where to connect: the target's URL, or that of the redirect it led to. Valid
** until the next target or redirect. */
static inline const struct wsm_url *
wsm_manager_url (const struct wsm_manager *m) {
  return m->request.url;
}

/* The proxy on the way, for the text of a timeout; NULL: none. Borrowed until
** the next call. */
static inline void wsm_manager_set_proxy (struct wsm_manager *m,
                                          const char *name) {
  m->proxy_name = name;
}

/* What is read from the peer is appended here; then wsm_manager_commit says how
** many bytes those were, even if there were none. */
static inline struct wsm_buffer *wsm_manager_input (struct wsm_manager *m) {
  return &m->session.in;
}

static inline void wsm_manager_commit (struct wsm_manager *m, size_t n,
                                       uint64_t now_ms) {
  wsm_session_commit(&m->session, 0);
  if (n > 0) wsm_manager_received(m, n, now_ms);
}

/* How much a read of about n bytes best asks for (wsm_session_read_size), of the
** peer's HTTP head see inbox.h. */
static inline size_t wsm_manager_read_size (const struct wsm_manager *m,
                                            size_t n) {
  return m->step == WSM_STEP_HEAD ? wsm_inbox_read_size(m, n)
                                  : wsm_session_read_size(&m->session, n);
}

/* Bytes for the peer that are not yet written to the socket, and how many; valid
** until the next call on the manager. wsm_manager_wrote is told how many of them
** were. */
static inline const unsigned char *
wsm_manager_output (const struct wsm_manager *m, size_t *n) {
  return wsm_session_output(&m->session, n);
}

/* Is there output? In bytes; with permessage-deflate as they are before they
** are compressed. */
static inline size_t wsm_manager_pending (const struct wsm_manager *m) {
  return wsm_session_pending(&m->session);
}

/* How many masks the outbox may need at once. */
static inline size_t wsm_manager_masks (const struct wsm_manager *m) {
  const struct wsm_message_queue *q = wsm_delivery_messages(m);
  return m->outbox.count + (q ? q->count : 0);
}

/* Somebody waits to send who was refused, or would be: DRAIN follows, once there is
** room. For an open connection. */
static inline void wsm_manager_await_room (struct wsm_manager *m) {
  if (m->state == WSM_STATE_OPEN) m->drain_due = true;
}

/* So many bytes were taken and are kept by the owner for those who have not asked yet:
** they count in the inbox as if they were not taken. Returns whether they are more
** than half of it. */
static inline bool wsm_manager_keep (struct wsm_manager *m, size_t n) {
  m->kept = n;
  return m->policy->inbox_bytes > 0 && n > m->policy->inbox_bytes / 2;
}

/* A whole message of this connection waits to be taken. */
static inline bool wsm_manager_holds_message (const struct wsm_manager *m) {
  return m->session.has_message;
}

/* wsm_manager_next would find one, of this connection or of an earlier one. */
static inline bool wsm_manager_has_message (const struct wsm_manager *m) {
  return (m->session.has_message && !m->held) || m->undelivered.count > 0;
}

/* A message was taken, and what was received behind it not yet read. */
static inline bool wsm_manager_has_popped (const struct wsm_manager *m) {
  return m->session.popped && m->session.in.data;
}

/* Answers the pings behind a message that nobody took; behind one that was taken
** it reads on, to the next. */
void wsm_manager_read_behind (struct wsm_manager *m, uint64_t now_ms);

/* The peer has hung up: nothing more is written. */
static inline bool wsm_manager_is_draining (const struct wsm_manager *m) {
  return m->draining;
}

/* The driver stops reading the socket, and reads it again. */
static inline bool wsm_manager_is_paused (const struct wsm_manager *m) {
  return m->paused;
}

static inline void wsm_manager_pause (struct wsm_manager *m, uint64_t now_ms) {
  wsm_heartbeat_pause(m, now_ms);
}

static inline void wsm_manager_resume (struct wsm_manager *m, uint64_t now_ms) {
  wsm_heartbeat_resume(m, now_ms);
}

/* Should the driver be paused? Full at the limit, and until half of it is
** taken. */
static inline bool wsm_manager_is_inbox_full (const struct wsm_manager *m) {
  return m->state == WSM_STATE_CONNECTING ? wsm_http_server_is_ahead(m)
                                          : wsm_inbox_is_full(m);
}

/* The peer sends nothing more. true: it awaits a response, which is to be written;
** false: then the end is the connection's, see wsm_manager_lost. */
static inline bool wsm_manager_half_closed (struct wsm_manager *m) {
  return wsm_http_server_half_closed(m);
}

/* What the end told about the address that was connected to, if there was one: once
** the connection or the attempt is over, and until the next one begins. */
static inline enum wsm_address_verdict
wsm_manager_address (const struct wsm_manager *m) {
  return (enum wsm_address_verdict)m->address;
}

/* TLS resumed an earlier session. */
static inline void wsm_manager_count_resumed (struct wsm_manager *m) {
  m->counters.resumed++;
}

/* --- a server's broadcast: one frame for many --- */

/* WSM_SENT: it may be sent now. */
enum wsm_sent wsm_manager_may_send (const struct wsm_manager *m);

/* Queues the unmasked frame of one message; false without memory. */
bool wsm_manager_send_frame (struct wsm_manager *m, const void *frame,
                             size_t n);

/* The driver wrote such a frame of n bytes itself, all of it. */
static inline void wsm_manager_count_written (struct wsm_manager *m, size_t n,
                                              uint64_t now_ms) {
  m->sent_ms = now_ms;
  m->counters.messages_out++;
  m->counters.bytes_out += n;
}

#endif
