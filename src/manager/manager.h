/*
** manager.h - a connection that looks after itself
** Stands on session.h, handshake.h, message_queue.h and policy.h. It is told the time,
** the bytes and the fate of its socket; it tells what it wants done, when it
** wants to be asked again, and what its owner should hear.
** Never touches a socket or a clock and never calls anybody.
**
** Its owner's round, after anything happened:
**   wsm_manager_tick(m, now); act on m's want; pop its events; and come back
**   at wsm_manager_deadline(m).
** When the manager itself ends a connection (a deadline, close(), an answer
** that refuses) it has dealt with the ending before it wants
** WSM_WANT_NO_SOCKET: the driver hangs up and says nothing. wsm_manager_lost is
** for what the driver noticed, and for a hang-up that WSM_WANT_FLUSH asked for.
** A server's side of a connection is the same manager: role WSM_SERVER, no
** reconnect, and a WSM_EVENT_REQUEST to be answered before it opens.
*/
#ifndef WSM_MANAGER_H
#define WSM_MANAGER_H

#include "base/heap.h"
#include "manager/policy.h"
#include "manager/message_queue.h"
#include "websocket/handshake.h"
#include "websocket/session.h"

enum wsm_state {
  WSM_STATE_CONNECTING, /* from the target to the 101 */
  WSM_STATE_OPEN,
  WSM_STATE_CLOSING,  /* a closing handshake or the last bytes under way */
  WSM_STATE_CLOSED,   /* for good */
  WSM_STATE_WAITING,  /* for the next dial */
  WSM_STATE_LOCKED,   /* no session: until reconnect() */
  WSM_STATE_EXHAUSTED /* no budget: until reconnect() */
};

/* What the driver must bring about. It stays until it is so; whoever finds it
** so already has nothing to do. */
enum wsm_want {
  WSM_WANT_NOTHING,  /* all is well as it is */
  WSM_WANT_TARGET,   /* no socket, as below, and then the owner's
                        wsm_manager_target or _lock */
  WSM_WANT_MOVE,     /* a redirect: no socket, as below, and then
                        wsm_manager_move */
  WSM_WANT_SOCKET,   /* dial m->ask.url; then wsm_manager_connected or _lost */
  WSM_WANT_FLUSH,    /* write what is pending and hang up; then
                        wsm_manager_lost(m, NULL, now) */
  WSM_WANT_NO_SOCKET /* hang up at once, abandon a dial, unsent bytes or
                        not, and call nothing */
};

enum wsm_event {
  WSM_EVENT_NONE,
  WSM_EVENT_TARGET,  /* name the target: wsm_manager_target or _lock */
  WSM_EVENT_REQUEST, /* a server: judge m->head_text */
  WSM_EVENT_OPEN,
  WSM_EVENT_ERROR,        /* m->error */
  WSM_EVENT_CLOSE,        /* m->code, m->reason, m->clean */
  WSM_EVENT_VERDICT,      /* say wsm_manager_verdict */
  WSM_EVENT_RECONNECTING, /* m->failures, m->delay_ms */
  WSM_EVENT_LOCKED,       /* m->error */
  WSM_EVENT_EXHAUSTED,
  WSM_EVENT_DRAIN /* send said full; now there is room again */
};

#define WSM_EVENTS 8

enum wsm_sent {
  WSM_SENT,       /* framed, in the output */
  WSM_SENT_LATER, /* in the outbox */
  WSM_SEND_FULL,  /* output or outbox at its limit; or no memory */
  WSM_SEND_CLOSED /* closed, exhausted, or not open and no outbox */
};

struct wsm_counters {
  uint64_t messages_in, messages_out; /* taken; framed, not given back */
  uint64_t bytes_in, bytes_out;       /* of the wire, handshakes included */
  uint64_t dials, opens;
  uint64_t resumed; /* of the dials: TLS sessions taken up again */
  uint64_t unsent;  /* messages that were still waiting at the end */
};

struct wsm_redirects; /* redirects.c: where redirects have led */

struct wsm_manager {
  const struct wsm_policy *policy;
  struct wsm_keys *keys;
  struct wsm_pool *pool;
  struct wsm_session session;
  struct wsm_message_queue outbox;   /* waits for a connection */
  struct wsm_message_queue leftover; /* received on a connection that is gone */
  struct wsm_error error;            /* the last one */
  struct wsm_counters counters;
  uint8_t role, state, want;
  uint8_t phase; /* manager_internal.h: where in CONNECTING or WAITING */
  uint8_t events[WSM_EVENTS]; /* a ring of enum wsm_event */
  uint8_t event_first, event_count;
  bool local;    /* close() was called here */
  bool clean;    /* the closing handshake was completed */
  bool starved;  /* send said full: a drain event is owed */
  bool missed;   /* of this connection's messages some found no room */
  bool paused;   /* the driver reads nothing: inbox full; it
                    sets heard_ms when it reads again */
  uint16_t code; /* of the last close; 0: none yet */
  uint8_t reason_length;
  char *reason;
  uint32_t failures;       /* in a row, of the budget */
  uint32_t delay_ms;       /* of the wait under way */
  uint32_t retry_after_ms; /* the peer's word, for the next wait */
  uint64_t seed;           /* of the jitter */
  uint64_t since_ms;       /* the state was entered */
  uint64_t due_ms;         /* CONNECTING, CLOSING: when to give up;
                              WAITING: to dial; OPEN: to answer a close
                              behind messages nobody takes */
  uint64_t heard_ms;       /* last byte from the peer */
  uint64_t beat_ms;        /* last beat, or heard_ms */
  uint64_t ping_ms;        /* when ping number `ping` was sent; WSM_NEVER
                              once it is answered */
  uint64_t ping;
  uint64_t tried_ms;      /* OPEN: the outbox was last tried */
  uint64_t opened_ms;     /* WSM_NEVER: this attempt was never open */
  int64_t latency_ms;     /* of the last answered ping; -1: none yet */
  const char *via;        /* the driver's: the proxy that is in the way, for the
                         detail of a deadline; NULL: none */
  struct wsm_request ask; /* texts borrowed from the owner, or of moved */
  struct wsm_redirects *moved; /* NULL: nowhere */
  char key[WSM_KEY_TEXT];
  struct wsm_buffer head_text; /* the peer's HTTP head, and the first 4 KiB of
                                  the body of an answer that refuses */
  size_t head_length;          /* of the head in head_text */
  size_t body_limit;           /* bytes of body to keep */
  uint16_t examined;           /* a server: 0, or the status that refuses the
                                  request, and m->error says why */
  struct wsm_agreement agreed; /* spans of head_text */
};

struct wsm_manager_setup {
  enum wsm_role role;
  const struct wsm_policy *policy; /* borrowed for its life */
  struct wsm_keys *keys;           /* likewise */
  struct wsm_pool *pool;           /* likewise; may be NULL */
  uint64_t seed;                   /* of the jitter: any random number */
};

/* Starts in CLOSED (a client) or CONNECTING (a server, its socket there). */
void wsm_manager_init (struct wsm_manager *m,
                       const struct wsm_manager_setup *setup, uint64_t now_ms);
void wsm_manager_free (struct wsm_manager *m);

/* --- the owner says --- */

/* Begins to dial; also the user's reconnect(): from WAITING, LOCKED, EXHAUSTED
** and CLOSED it dials at once with a fresh budget; while open it hangs up and
** dials again. */
void wsm_manager_start (struct wsm_manager *m, uint64_t now_ms);

/* The answers to WSM_EVENT_TARGET. ask's texts are borrowed until the next
** target; nonce: WSM_NONCE_SIZE random bytes for the key. */
void wsm_manager_target (struct wsm_manager *m, const struct wsm_request *ask,
                         const unsigned char *nonce, uint64_t now_ms);
void wsm_manager_lock (struct wsm_manager *m, const char *why, uint64_t now_ms);

/* The answer to WSM_EVENT_VERDICT: again or not; delay_ms < 0: the policy's. */
void wsm_manager_verdict (struct wsm_manager *m, bool again, int64_t delay_ms,
                          uint64_t now_ms);

/* The answers to WSM_EVENT_REQUEST. false without memory: nothing happened. A
** request that is no opening handshake (m->examined) cannot be accepted: it is
** refused with that status. */
bool wsm_manager_accept (struct wsm_manager *m, const char *protocol,
                         const char *headers, uint64_t now_ms);
bool wsm_manager_refuse (struct wsm_manager *m,
                         const struct wsm_response *reply, uint64_t now_ms);

/* close(code, reason): always wins. WSM_NO_STATUS: a close without code. */
void wsm_manager_close (struct wsm_manager *m, unsigned code,
                        const char *reason, size_t n, uint64_t now_ms);

enum wsm_sent wsm_manager_send (struct wsm_manager *m, unsigned opcode,
                                const void *data, size_t n);

/* The next message, held until pop. WSM_ENDED: none will come (CLOSED, LOCKED,
** EXHAUSTED and nothing left); WSM_MORE: none yet. */
enum wsm_input wsm_manager_next (struct wsm_manager *m,
                                 struct wsm_message *message, uint64_t now_ms);
void wsm_manager_pop (struct wsm_manager *m);

/* Bytes received and not taken; bytes sent and not with the kernel (W3C
** bufferedAmount: payload in the outbox included). */
size_t wsm_manager_unread (const struct wsm_manager *m);
size_t wsm_manager_buffered (const struct wsm_manager *m);

/* --- the driver says --- */

/* Nothing is left of the connection that redirected, and m->ask.url says where
** to dial now; nonce as for the target. The open deadline is still the same. */
void wsm_manager_move (struct wsm_manager *m, const unsigned char *nonce);

/* The socket is there, TLS done: the opening handshake may go. */
void wsm_manager_connected (struct wsm_manager *m, uint64_t now_ms);

/* Bytes were committed to m->session (wsm_session_reserve, _commit). */
void wsm_manager_received (struct wsm_manager *m, size_t n, uint64_t now_ms);

/* n bytes of wsm_session_output were handed to the kernel. */
void wsm_manager_wrote (struct wsm_manager *m, size_t n, uint64_t now_ms);

/* The socket is gone, or never came. e NULL: the peer ended it (EOF). */
void wsm_manager_lost (struct wsm_manager *m, const struct wsm_error *e,
                       uint64_t now_ms);

/* Time passed: beats, deadlines, the next dial. */
void wsm_manager_tick (struct wsm_manager *m, uint64_t now_ms);

/* When tick has something to do next; WSM_NEVER: only if something happens. */
uint64_t wsm_manager_deadline (const struct wsm_manager *m);

/* --- the driver's door: everything it needs of the fields --- */

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

/* Where to connect: the target's URL, or that of the redirect it led to. */
static inline const struct wsm_url *
wsm_manager_url (const struct wsm_manager *m) {
  return m->ask.url;
}

/* The proxy on the way, for the text of a timeout; NULL: none. Borrowed. */
static inline void wsm_manager_set_proxy (struct wsm_manager *m,
                                          const char *name) {
  m->via = name;
}

/* Where up to n bytes read from the peer go; NULL without memory. Then commit
** what was really read, which is the one way that bytes come in: n may be 0. */
static inline unsigned char *wsm_manager_reserve (struct wsm_manager *m,
                                                  size_t n) {
  return wsm_session_reserve(&m->session, n);
}

static inline void wsm_manager_commit (struct wsm_manager *m, size_t n,
                                       uint64_t now_ms) {
  wsm_session_commit(&m->session, n);
  if (n > 0) wsm_manager_received(m, n, now_ms);
}

/* How much a read of about n bytes best asks for (wsm_session_room). */
static inline size_t wsm_manager_read_size (const struct wsm_manager *m,
                                            size_t n) {
  return wsm_session_room(&m->session, n);
}

/* Bytes for the peer that are not with the kernel, and how many there are.
** wsm_manager_wrote says how many of them the kernel took. */
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
  return m->outbox.count;
}

/* A whole message of this connection waits to be taken. */
static inline bool wsm_manager_holds_message (const struct wsm_manager *m) {
  return m->session.held;
}

/* wsm_manager_next would find one, of this connection or of an earlier one. */
static inline bool wsm_manager_has_message (const struct wsm_manager *m) {
  return m->session.held || m->leftover.count > 0;
}

/* Answers the pings that stand behind a message that nobody took. */
static inline void wsm_manager_scan (struct wsm_manager *m) {
  wsm_session_scan(&m->session);
}

/* The driver stops reading the socket, and reads it again. */
static inline bool wsm_manager_is_paused (const struct wsm_manager *m) {
  return m->paused;
}

static inline void wsm_manager_pause (struct wsm_manager *m) {
  m->paused = true;
}

static inline void wsm_manager_resume (struct wsm_manager *m, uint64_t now_ms) {
  if (!m->paused) return;
  m->paused = false;
  m->heard_ms = now_ms;
}

/* Should the driver be paused? Full at the limit, and until half of it is
** taken. */
bool wsm_manager_is_inbox_full (const struct wsm_manager *m);

/* May the deadline be met up to a second late? */
bool wsm_manager_is_deadline_lax (const struct wsm_manager *m);

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
static inline void wsm_manager_count_written (struct wsm_manager *m, size_t n) {
  m->counters.messages_out++;
  m->counters.bytes_out += n;
}

/* --- rarely --- */

/* The socket was closed because the application said so at once: as
** wsm_manager_lost, and no reconnect. */
void wsm_manager_abort (struct wsm_manager *m, const struct wsm_error *e,
                        uint64_t now_ms);

/* ping(payload), at most WSM_CONTROL_LIMIT bytes, only while open. false:
** without memory or a mask. */
bool wsm_manager_ping (struct wsm_manager *m, const void *payload, size_t n);

/* The messages that wait for a connection: to be taken by the application. */
static inline struct wsm_message_queue *
wsm_manager_outbox (struct wsm_manager *m) {
  return &m->outbox;
}

/* --- what its owner should hear --- */

enum wsm_event wsm_manager_event (const struct wsm_manager *m);
void wsm_manager_event_pop (struct wsm_manager *m);

#endif
