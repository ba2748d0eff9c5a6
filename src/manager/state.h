/*
** state.h - a managed connection: its fields, and how it changes its state
** Depends on events.h, message_queue.h, policy.h, session.h, journal.h, totals.h and upgrade.h.
** The other files of the manager each change their part of these fields; what
** happens next is decided in manager.c alone.
** Never calls them.
*/
#ifndef WSM_STATE_H
#define WSM_STATE_H

#include "base/heap.h"
#include "base/latency.h"
#include "http/body.h"
#include "manager/events.h"
#include "manager/message_queue.h"
#include "manager/policy.h"
#include "observe/journal.h"
#include "observe/totals.h"
#include "websocket/pings.h"
#include "websocket/upgrade.h"
#include "websocket/session.h"

enum wsm_state {
  WSM_STATE_CONNECTING, /* from the target to the 101 */
  WSM_STATE_LOGIN,      /* from the 101 to the end of the owner's login; to
                           everybody else it is still connecting */
  WSM_STATE_OPEN,
  WSM_STATE_CLOSING,  /* the closing handshake, or the last bytes of output */
  WSM_STATE_CLOSED,   /* for good */
  WSM_STATE_WAITING,  /* for the next attempt */
  WSM_STATE_LOCKED,   /* no target: until reconnect() */
  WSM_STATE_EXHAUSTED /* no budget: until reconnect() */
};

/* What CONNECTING or WAITING waits for. */
enum wsm_step {
  WSM_STEP_NONE,
  WSM_STEP_TARGET,   /* the owner's target */
  WSM_STEP_REDIRECT, /* the driver: to turn to a redirect's target */
  WSM_STEP_CONNECT,  /* the driver's socket; a server: its client's TLS */
  WSM_STEP_HEAD,     /* the peer's HTTP head */
  WSM_STEP_BODY,     /* the body of a response that rejects, or of a request */
  WSM_STEP_REQUEST,  /* a server: the owner's accept or refuse */
  WSM_STEP_RESPONSE, /* a server: the driver's write; a request may follow */
  WSM_STEP_VERDICT   /* WAITING: the owner's verdict */
};

/* How far the opening of a connection is. */
enum wsm_opening {
  WSM_OPENING_MORE,     /* more bytes are needed */
  WSM_OPENING_OPENED,   /* a client: the server agreed */
  WSM_OPENING_REDIRECT, /* a client: m->request asks for another target now */
  WSM_OPENING_REQUEST,  /* a server: m->head_text is the request; if it is no
                           opening handshake, m->reject_status says so */
  WSM_OPENING_REJECTED, /* a server: the response that rejects is in the output,
                           m->error says why; or there is none to write */
  WSM_OPENING_FAILED    /* e says why */
};

/* What the driver must bring about. Holds until done; doing it twice is
** harmless. */
enum wsm_want {
  WSM_WANT_NOTHING,   /* all is well as it is */
  WSM_WANT_TARGET,    /* disconnect, as below, and then the owner's
                         wsm_manager_target or _lock */
  WSM_WANT_REDIRECT,  /* disconnect, as below, and then wsm_manager_redirect */
  WSM_WANT_CONNECT,   /* connect to wsm_manager_url; then wsm_manager_connected
                         or _lost */
  WSM_WANT_FINISH,    /* write the output and end the connection; then
                         wsm_manager_lost(m, NULL, now) */
  WSM_WANT_DISCONNECT /* close the socket at once, written or not; abandon an
                         attempt; and call nothing */
};

/* Of a close frame. */
struct wsm_close_params {
  unsigned code; /* WSM_NO_STATUS: a close frame without a code */
  const char *reason;
  size_t length;
};

/* What the driver finds at its socket: how much of what we wrote has reached the
** peer, and what lies there to be read. */
struct wsm_delivery {
  uint64_t written;      /* to the kernel, since the socket opened */
  uint64_t acknowledged; /* of that, by the peer's TCP */
  uint64_t unread;       /* bytes that the kernel holds for us */
  bool everything;       /* nothing is left here or in the kernel */
  bool blocked;          /* the kernel takes no more */
  bool readable;         /* a read would find something, or the end */
  bool hung_up;          /* the peer has ended or reset the connection */
};

/* How far the oldest heartbeat that is not answered has come; the first one behind an
** upload that began after it was acknowledged, where there was one. */
enum wsm_heartbeat_stage {
  WSM_HEARTBEAT_NONE,
  WSM_HEARTBEAT_ASKED,  /* the owner is asked for its message */
  WSM_HEARTBEAT_QUEUED, /* in the output */
  WSM_HEARTBEAT_TAKEN,  /* written: the driver's next report says up to where */
  WSM_HEARTBEAT_WRITTEN /* `end` bytes were written by then */
};

/* heartbeat.c: of the connection that is open */
struct wsm_heartbeat {
  struct wsm_heartbeat_rules *own; /* NULL: the policy's */
  uint64_t look_ms;      /* when tick has something to do, at the earliest */
  uint64_t sent_ms;      /* the last heartbeat, or the opening */
  uint64_t begun_ms;     /* the time to answer */
  uint64_t message_ms;   /* the last message came */
  uint64_t paused_ms;    /* the driver stopped to read */
  uint64_t stalled_ms;   /* paused: since then nothing was acknowledged */
  uint64_t acknowledged; /* as reported last */
  uint64_t end;          /* bytes written up to the end of the heartbeat */
  size_t waiting; /* bytes of output up to the end of the one there; 0: none */
  uint32_t hash;  /* of its message */
  uint32_t ahead_ms; /* the first one comes so much sooner */
  uint8_t stage;     /* enum wsm_heartbeat_stage */
  bool asked;        /* the owner is asked for the next one's message */
  bool unanswered;   /* but for what `heard` says */
  bool heard;        /* a byte came since the last heartbeat */
  bool forgiven;     /* a late tick began the time anew; no byte came since */
  bool succeeds;     /* the next one takes the place of the oldest: its stage */
  bool ping_waits;   /* in the output: at most one */
  bool pinged;       /* half of the time has passed: a ping was sent, too */
  bool progressed;   /* the last report said that more was acknowledged */
  bool blocked, readable, hung_up; /* likewise */
  bool clear;      /* paused: all that was written is acknowledged */
  bool watching;   /* wsm_heartbeat_wrote is to be called */
  bool report_due; /* the driver is to report soon */
};

/* close_wait.c: of the end under way */
struct wsm_close_wait {
  uint64_t reported_ms;  /* the last report, or when the wait began */
  uint64_t acknowledged; /* at that time */
  uint32_t wait_ms;
  bool reported;  /* the driver has reported */
  bool delivered; /* everything was acknowledged: the wait is the last */
};

/* What is sent while the owner has not seen to it that its first messages go
** first. */
enum wsm_hold {
  WSM_HOLD_NONE,
  WSM_HOLD_ALL,   /* into the outbox: the owner has not popped OPEN */
  WSM_HOLD_OUTBOX /* into the output, before the outbox: the owner's first */
};

/* login.c: of a connection that is not open yet, or never was */
struct wsm_login {
  struct wsm_message_queue left; /* of the session, which is over: login's */
  uint64_t due_ms;
  uint64_t taken;    /* messages so far */
  size_t given_back; /* the last so many of `undelivered` wait for its end */
  bool room_due;     /* its send returned full: ROOM follows */
  bool failed;       /* m->error is its own */
  bool over;         /* what else comes on its connection is dropped */
};

struct wsm_rate; /* attempts.c: when they began */
/* What the end of a connection, or of an attempt, says about the address. */
enum wsm_address_verdict {
  WSM_ADDRESS_UNKNOWN, /* the owner ended it, or it goes on */
  WSM_ADDRESS_GOOD,    /* a message came */
  WSM_ADDRESS_BAD      /* it ended before the first one, or in the login */
};

struct wsm_redirect_state; /* redirects.c: the redirect that was followed */
struct wsm_sending;        /* sending.c: terms of messages, what was dropped */

struct wsm_manager {
  const struct wsm_policy *policy;
  struct wsm_keys *keys;
  struct wsm_pool *pool;
  struct wsm_session session;
  struct wsm_message_queue outbox; /* waits for a connection */
  struct wsm_sending *sending;     /* NULL: none was needed yet */
  /* received on a connection that is over, and not yet taken */
  struct wsm_message_queue undelivered;
  /* migration.c: what is received waits until the connection before has ended, and
     with it what was received before that; NULL: it does not */
  struct wsm_message_queue *held;
  size_t kept; /* bytes that were taken, and that the owner keeps for others */
  struct wsm_error error; /* the last one */
  struct wsm_counters counters;
  struct wsm_totals *totals; /* of all like it; borrowed; NULL: nobody counts */
  struct wsm_journal *journal; /* owned; NULL: nobody looks: wsm_state_note */
  struct wsm_events events;
  uint8_t role, state, want; /* their enums */
  uint8_t step;              /* enum wsm_step */
  bool local;                /* close() was called here */
  bool clean;                /* the closing handshake was completed */
  bool peer_closed;          /* its close frame came before ours */
  uint8_t hold;              /* enum wsm_hold; only while OPEN */
  bool drain_due;            /* send returned full: a drain event will follow */
  bool flush_due; /* somebody waits until nothing waits to be written */
  bool dropped;   /* messages of this connection exceeded the inbox */
  bool paused;    /* the driver does not read: the inbox is full */
  bool draining;  /* CLOSING: the peer has hung up, and what the kernel holds is
                     read as the inbox has room */
  bool leaving;   /* OPEN, CLOSING: another took its place, and its messages are
                     read as ever until the peer's close frame */
  bool recovered; /* CONNECTING: the network came back during this attempt */
  bool may_shorten; /* WAITING: until it comes back */
  uint32_t parts;   /* taken of messages that are read in parts: it changes with
                       each */
  bool spoke;       /* a message came on this connection */
  uint8_t address;  /* enum wsm_address_verdict */
  bool renewed;     /* the last attempt was rejected with 401 or 403 */
  uint16_t status; /* of the response that rejected the last attempt; 0: none */
  uint16_t code;   /* of the last close; 0: none yet */
  uint8_t reason_length;
  char *reason;            /* of the last close; NULL: none */
  uint32_t failures;       /* in a row, of the budget */
  uint32_t delay_ms;       /* of the wait under way */
  uint32_t retry_after_ms; /* what the peer asked for, for the next wait */
  uint32_t asks;           /* attempts begun: what the owner is asked for */
  uint32_t moves; /* how often a list of targets moved on: at each end of an
                    attempt or a short connection */
  struct wsm_rate *attempts; /* NULL: none yet, or there is no rate */
  uint64_t jitter_seed;
  uint64_t due_ms;         /* CONNECTING, CLOSING: when to give up;
                              WAITING: when to connect; OPEN: when to answer a
                              close behind messages that nobody takes */
  uint64_t kernel_unread;  /* draining: bytes that the kernel still holds */
  struct wsm_login *login; /* NULL: none, or it is done */
  struct wsm_close_wait close_wait;
  struct wsm_heartbeat heartbeat;
  uint64_t received_ms; /* last byte from the peer */
  uint64_t ping_ms;     /* when ping number ping_number was sent; WSM_NEVER
                              once it is answered */
  uint64_t ping_number;
  uint64_t renew_ms;             /* OPEN: when it is to be renewed */
  uint32_t renewals;             /* that failed, in a row */
  uint64_t retried_ms;           /* OPEN: the outbox was last tried */
  uint64_t sent_ms;              /* last byte written to the socket */
  uint64_t opened_ms;            /* WSM_NEVER: this attempt was never open */
  int64_t latency_ms;            /* of the last answered ping; -1: none yet */
  struct wsm_latency *latencies; /* of all; NULL: none yet */
  struct wsm_pings *pings;       /* the owner's, of which it awaits the pongs;
                                    NULL: there never was one */
  const char *proxy_name;        /* for the text of a timeout; borrowed; NULL:
                                 none */
  struct wsm_request request;    /* its texts are the owner's, or of redirect */
  struct wsm_redirect_state *redirect; /* NULL: none since the target */
  char key[WSM_KEY_TEXT];
  struct wsm_buffer head_text; /* the peer's HTTP head, and behind it the first
                                  4 KiB of the body of a response that rejects,
                                  or the whole body of a request */
  size_t head_length;          /* of the head in head_text */
  size_t interim_bytes;        /* of 1xx responses before it */
  struct wsm_body body;        /* of a response that rejects, of a request */
  int64_t epoch_ms;       /* a server: of now_ms 0, since 1970; 0: unknown */
  bool for_page;          /* a server: the request is plain HTTP ... */
  bool persistent;        /* ... and another may follow its response */
  bool idle;              /* one was answered, no byte of another came */
  bool half_closed;       /* its client sends nothing more */
  uint16_t reject_status; /* a server: 0, or the status that rejects the
                                  request, and m->error says why */
  struct wsm_agreement agreed; /* spans of agreed_text */
  char *agreed_text;           /* NULL: both are empty */
};

/* The one place where the state changes. Removes queued events of the old
** state, except OPEN, ERROR, CLOSE; a DRAIN is due again. Sets the want that
** goes with the state, no step and no deadline. */
void wsm_state_enter (struct wsm_manager *m, enum wsm_state state);

/* A fresh session for the next connection; its pings are counted on. */
void wsm_state_renew_session (struct wsm_manager *m);

/* Copies the reason of the last close; without memory there is none. */
void wsm_state_set_reason (struct wsm_manager *m, const char *reason, size_t n);

/* "the connection was closed (4004 Authentication failed.)": the last close. */
#define WSM_CLOSE_TEXT 176
void wsm_state_describe_close (const struct wsm_manager *m,
                               char to[WSM_CLOSE_TEXT]);

/* A sentence: why it is as it is. The last error; the last close, if that was an
** orderly one; and in LOCKED and EXHAUSTED what led there. */
void wsm_state_explain (const struct wsm_manager *m, char to[WSM_DETAIL_SIZE]);

/* Makes `why`, and what went wrong before, the error of LOCKED. */
void wsm_state_lock (struct wsm_manager *m, const char *why);

#define WSM_NOTE_TEXT 512 /* of a text that is made for a note */

/* A note for the journal; text NULL: none. */
struct wsm_noted {
  enum wsm_note_kind kind;
  uint64_t a, b;
  const char *text;
};

/* Only where there is a journal; now_ms 0: as late as the note before. */
void wsm_state_note (struct wsm_manager *m, const struct wsm_noted *noted,
                     uint64_t now_ms);

/* A heartbeat is due; is the one before unanswered? */
void wsm_state_note_heartbeat (struct wsm_manager *m, bool unanswered,
                               uint64_t now_ms);

static inline void wsm_state_note_number (struct wsm_manager *m,
                                          enum wsm_note_kind kind, uint64_t a,
                                          uint64_t now_ms) {
  const struct wsm_noted noted = { kind, a, 0, NULL };
  if (m->journal) wsm_state_note(m, &noted, now_ms);
}

/* Empties m->error. */
void wsm_state_clear_error (struct wsm_manager *m);

/* Was the connection under way ever open? */
static inline bool wsm_state_was_open (const struct wsm_manager *m) {
  return m->opened_ms != WSM_NEVER;
}

/* Did the connection under way reach the 101? */
static inline bool wsm_state_had_session (const struct wsm_manager *m) {
  return wsm_state_was_open(m) || m->login;
}

/* Are frames exchanged, and no closing handshake under way? */
static inline bool wsm_state_is_live (const struct wsm_manager *m) {
  return m->state == WSM_STATE_OPEN || m->state == WSM_STATE_LOGIN;
}

/* Are messages read as the application takes them? */
static inline bool wsm_state_reads (const struct wsm_manager *m) {
  return wsm_state_is_live(m) || m->draining || m->leaving;
}

/* Is there a session that messages are received on and sent by? */
static inline bool wsm_state_has_session (const struct wsm_manager *m) {
  return wsm_state_is_live(m) ||
         (m->state == WSM_STATE_CLOSING && wsm_state_had_session(m));
}

/* now + ms; WSM_NEVER for 0, which switches off. */
static inline uint64_t wsm_state_after (uint64_t now_ms, uint32_t ms) {
  return ms ? now_ms + ms : WSM_NEVER;
}

#endif
