/*
** policy.h - the options of a managed connection and what follows from them
** Depends on message.h and deflate.h. Every default of the module is in
** wsm_policy_defaults and nowhere else.
** Never keeps state: all of it is arguments.
*/
#ifndef WSM_POLICY_H
#define WSM_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "websocket/deflate.h"
#include "websocket/message.h"

#define WSM_UNBOUNDED UINT32_MAX

/* What a heartbeat's interval is counted from: heartbeat.mode. */
enum wsm_heartbeat_mode {
  WSM_HEARTBEAT_EITHER,   /* the older of the next two */
  WSM_HEARTBEAT_RECEIVED, /* the last byte received */
  WSM_HEARTBEAT_SENT,     /* the last byte sent */
  WSM_HEARTBEAT_ALWAYS    /* the last heartbeat: a fixed rhythm */
};

/* The options of the group `heartbeat`. */
struct wsm_heartbeat_rules {
  uint32_t interval_ms; /* 0: no heartbeats */
  uint32_t timeout_ms;  /* then a peer that is silent is dead; 0: never */
  uint32_t silence_ms;  /* then one that sends no message is; 0: never */
  double jitter;        /* the first one comes up to that part sooner: 0 to 1 */
  uint8_t mode;         /* enum wsm_heartbeat_mode */
  bool ask;             /* the owner is asked for each message */
  bool ack;             /* only a message that the owner accepts answers one */
  bool binary;          /* heartbeat.kind: "binary" */
  const char *message;  /* NULL: a ping; borrowed before
                           wsm_heartbeat_rules_copy */
  size_t length;
  char *copy; /* owned, by wsm_heartbeat_rules_copy; NULL: none */
};

/* Copies the rules and their text. false without memory: nothing to free. */
bool wsm_heartbeat_rules_copy (struct wsm_heartbeat_rules *to,
                               const struct wsm_heartbeat_rules *from);
void wsm_heartbeat_rules_free (struct wsm_heartbeat_rules *r);

/* Do they agree with each other? false: e names two that do not. */
bool wsm_heartbeat_rules_check (const struct wsm_heartbeat_rules *r,
                                struct wsm_error *e);

#define WSM_DELAYS_LIMIT 64       /* reconnect.delay as a list */
#define WSM_NEVER_LIMIT 64        /* reconnect.never */
#define WSM_ATTEMPTS_LIMIT 100000 /* reconnect.rate */

/* The lists of reconnect; only where one is given. */
struct wsm_retry_lists {
  uint32_t delays, nevers; /* how many there are */
  uint32_t delays_ms[WSM_DELAYS_LIMIT];
  uint16_t never[WSM_NEVER_LIMIT]; /* close codes, and HTTP statuses */
};

/* A client has its own; a server's connections share one. Zero milliseconds
** switch off. */
struct wsm_policy {
  struct wsm_limits limits;
  uint64_t header_bytes; /* limits.header: the peer's HTTP head */
  uint64_t body_bytes;   /* limits.body: of a request */
  bool pages;            /* a server that answers plain requests */
  struct wsm_heartbeat_rules heartbeat; /* its text as in these rules */
  bool reconnect;                       /* false: one connection and no other */
  uint32_t delay_ms;                    /* reconnect.delay */
  uint32_t max_delay_ms;                /* reconnect.max_delay */
  uint32_t pause_ms;       /* reconnect.pause: after an orderly close */
  uint32_t after_ms;       /* reconnect.after: open so long, it is renewed */
  uint32_t stable_ms;      /* reconnect.stable: open so long, budget back */
  double factor;           /* reconnect.factor */
  double jitter;           /* reconnect.jitter: 0 none, 1 full */
  uint32_t budget;         /* reconnect.limit; WSM_UNBOUNDED: no end */
  uint32_t attempt_limit;  /* reconnect.rate: so many, 0: any number ... */
  uint32_t attempt_per_ms; /* ... in this time */
  const struct wsm_retry_lists *lists; /* NULL: none; borrowed before
                                          wsm_policy_copy */
  struct wsm_retry_lists *lists_copy;  /* owned, by wsm_policy_copy */
  bool renews;              /* a function gives each attempt's credentials */
  uint32_t ask_ms;          /* timeouts.ask: for what the owner is asked */
  uint32_t open_ms;         /* timeouts.open: from the name to the 101 */
  uint32_t login_ms;        /* timeouts.login: from the 101 */
  uint32_t close_ms;        /* timeouts.close */
  uint32_t outbox_messages; /* outbox.messages; 0: no outbox */
  size_t outbox_bytes;      /* outbox.bytes */
  uint32_t outbox_age_ms;   /* outbox.age: then a message there is dropped */
  bool outbox_drops_oldest; /* outbox.full: "oldest" */
  uint32_t rate_limit;      /* rate: so many messages sent, 0: any number ... */
  uint32_t rate_per_ms;     /* ... in this time ... */
  uint32_t rate_reserve;    /* ... of them for heartbeats and logins */
  uint32_t unacknowledged_messages; /* of acknowledged delivery; then those with
                                       an id wait ... */
  size_t unacknowledged_bytes;      /* ... likewise */
  uint32_t dedupe_ids;              /* of messages received are remembered */
  uint64_t send_bytes;              /* limits.send: the largest message */
  size_t inbox_bytes;  /* inbox: unread bytes, then reading pauses */
  size_t output_bytes; /* buffer: unsent bytes, then send returns full */
  uint32_t redirects;  /* redirects: so many are followed */
  bool compress;       /* permessage-deflate is wanted ... */
  struct wsm_compression compression; /* ... like this */
  bool stream; /* messages are read in parts, once it is open ... */
  struct wsm_limits stream_limits; /* ... with these: those that were given */
  bool inflate;                    /* "zlib-stream": see wsm_session_setup */
  bool ask_target;                 /* the owner gives each URL */
  bool ask_verdict;                /* the owner decides on each reconnect */
  bool ask_login;                  /* the owner logs in on each connection */
  bool ask_release; /* the owner sends first when it is open: the outbox waits
                       for wsm_manager_release */
};

void wsm_policy_defaults (struct wsm_policy *p);

/* Do the options agree with each other? false: e names two that do not. */
bool wsm_policy_check (const struct wsm_policy *p, struct wsm_error *e);

/* Copies the policy, its text and its lists. false without memory: nothing to free. */
bool wsm_policy_copy (struct wsm_policy *to, const struct wsm_policy *from);
void wsm_policy_free (struct wsm_policy *p);

#endif
