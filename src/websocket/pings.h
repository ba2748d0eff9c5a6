/*
** pings.h - pings of ours whose pongs are awaited
** Depends on memory.h and frame.h. RFC 6455 5.5.3: a pong has the payload of its
** ping, and a peer may answer only the last of several: a pong answers the pings
** before its own, too. One that has no ping's payload answers none.
** Never reads a clock; holds no more than WSM_PINGS_AWAITED.
*/
#ifndef WSM_PINGS_H
#define WSM_PINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "websocket/frame.h"

#define WSM_PINGS_AWAITED 64

struct wsm_ping {
  uint64_t number; /* of all pings, of earlier connections too, in order */
  uint64_t sent_ms, latency_ms;
  bool awaited;   /* somebody will take it */
  bool exact;     /* by its own pong, not by a later one's */
  bool numbered;  /* its payload is its number */
  uint8_t length; /* of the payload, where it is not */
  unsigned char payload[WSM_CONTROL_LIMIT];
};

/* Zero it to start. */
struct wsm_pings {
  struct wsm_ping *list; /* in the order in which they were sent */
  uint8_t count, size;
  uint8_t answered; /* the first of list */
  uint8_t noted;    /* of these: with a latency */
};

enum wsm_pong {
  WSM_PONG_AWAITED,
  WSM_PONG_CAME, /* the ping is no longer known afterwards */
  WSM_PONG_LOST  /* no ping of that number: the connection is over */
};

/* An entry for a ping that is sent now; payload NULL: its number. NULL without
** memory, or where so many are awaited already. */
struct wsm_ping *wsm_pings_add (struct wsm_pings *p, uint64_t number,
                                const void *payload, size_t n);

/* A pong came. */
void wsm_pings_answer (struct wsm_pings *p, const void *payload, size_t n);

/* That of a ping whose payload is its number came. */
void wsm_pings_answer_number (struct wsm_pings *p, uint64_t number);

/* What has become of it. */
enum wsm_pong wsm_pings_take (struct wsm_pings *p, uint64_t number,
                              uint64_t *latency_ms);

void wsm_pings_forget (struct wsm_pings *p, uint64_t number);

/* Removes those that were answered and that nobody awaits. */
void wsm_pings_sweep (struct wsm_pings *p);

/* The connection is over: only those that were answered stay. */
void wsm_pings_lose (struct wsm_pings *p);

void wsm_pings_free (struct wsm_pings *p);

#endif
