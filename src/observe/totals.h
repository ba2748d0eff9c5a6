/*
** totals.h - what connections count: each for itself, and all of a loop together
** Depends on error.h, histogram.h, message.h and close_code.h. A manager counts into
** its own counters, and what is counted by kind into the totals that it was given.
** A message costs three additions; anything else is counted where it begins or ends.
*/
#ifndef WSM_TOTALS_H
#define WSM_TOTALS_H

#include <stdbool.h>
#include "base/error.h"
#include "observe/histogram.h"
#include "websocket/message.h"

/* Of one connection. */
struct wsm_counters {
  uint64_t messages_in, messages_out; /* taken; framed, not given back */
  uint64_t binary_in, binary_out;     /* of these, binary ones */
  uint64_t payload_in, payload_out;   /* bytes of these, not compressed */
  uint64_t bytes_in, bytes_out;       /* of the socket, handshakes included */
  uint64_t attempts, opens;
  uint64_t reconnects; /* of the opens: all but a connection's first */
  uint64_t epoch; /* connections that reached the 101: the last one's number */
  uint64_t resumed;    /* of the attempts: TLS sessions that were resumed */
  uint64_t unsent;     /* messages that still waited at the end */
  uint64_t unread;     /* bytes that were given up behind a full inbox */
  uint64_t dropped;    /* messages sent that a rule gave up: sending.h */
  uint64_t uncertain;  /* that may be lost with a connection: sending.h */
  uint64_t heartbeats; /* sent: pings, or the messages instead */
  uint64_t timeouts; /* connections that were dropped: heartbeat.h's verdict */
  uint64_t pauses;   /* how often the inbox was full, and reading stopped */
};

static inline void wsm_counters_received (struct wsm_counters *c,
                                          const struct wsm_message *taken) {
  c->messages_in++;
  c->binary_in += taken->binary;
  c->payload_in += taken->length;
}

static inline void wsm_counters_sent (struct wsm_counters *c,
                                      const struct wsm_message *framed) {
  c->messages_out++;
  c->binary_out += framed->binary;
  c->payload_out += framed->length;
}

/* One that was taken is given back. */
static inline void wsm_counters_unreceive (struct wsm_counters *c,
                                           const struct wsm_message *back) {
  if (c->messages_in == 0) return;
  c->messages_in--;
  c->binary_in -= back->binary && c->binary_in > 0;
  c->payload_in -= back->length < c->payload_in ? back->length : c->payload_in;
}

/* Messages that were framed and not written: they count as not sent. */
struct wsm_given_back {
  uint64_t messages, binary, payload;
};

void wsm_counters_unsend (struct wsm_counters *c,
                          const struct wsm_given_back *back);

/* Adds all but the epoch, which is a number and no count. */
void wsm_counters_add (struct wsm_counters *to,
                       const struct wsm_counters *from);

/* Classes of close codes: a peer may choose any of 3000 to 4999. */
enum wsm_close_class {
  WSM_CLASS_NORMAL,      /* 1000 */
  WSM_CLASS_GOING_AWAY,  /* 1001 */
  WSM_CLASS_PROTOCOL,    /* 1002, 1003, 1007, 1010 */
  WSM_CLASS_POLICY,      /* 1008 */
  WSM_CLASS_TOO_BIG,     /* 1009 */
  WSM_CLASS_ERROR,       /* 1011 to 1014 */
  WSM_CLASS_NO_STATUS,   /* 1005: a close frame without a code */
  WSM_CLASS_ABNORMAL,    /* 1006: no close frame */
  WSM_CLASS_APPLICATION, /* 3000 to 4999 */
  WSM_CLOSE_CLASSES      /* none: so many there are */
};

enum wsm_close_class wsm_close_class_of (unsigned code);

/* Who ended a connection. */
enum wsm_initiator { WSM_LOCAL, WSM_REMOTE, WSM_INITIATORS };

#define WSM_TOKENS (WSM_EXHAUSTED + 1)

/* Of all connections of one role; zero it to start. */
struct wsm_totals {
  struct wsm_counters ended;   /* of the connections that were freed */
  uint64_t handshakes;         /* that reached the 101 */
  uint64_t failed[WSM_TOKENS]; /* that did not; WSM_NONE: the program refused */
  uint64_t closed[WSM_CLOSE_CLASSES][WSM_INITIATORS];
  uint64_t logins_failed;
  uint64_t dropped[WSM_TOKENS];    /* messages, by why */
  uint64_t violated[WSM_TOKENS];   /* connections that we failed, by why */
  struct wsm_histogram round_trip; /* of pings to their pongs */
  struct wsm_histogram duration;   /* of connections, while they were open */
  struct wsm_histogram broadcast;  /* of a server's: from the call to its end */
};

extern const struct wsm_bounds wsm_round_trip_bounds, wsm_duration_bounds,
  wsm_broadcast_bounds;

/* How a connection ended that had reached the 101. */
struct wsm_closing {
  unsigned code;
  enum wsm_initiator initiator;
  enum wsm_token violated; /* WSM_NONE: the peer broke no rule */
  bool opened;             /* false: its login was not done */
  uint64_t open_ms;        /* how long it was open */
};

void wsm_totals_close (struct wsm_totals *t, const struct wsm_closing *c);

#endif
