/*
** sending.h - what some connections need for sending: terms, a rate, what was dropped,
** and what may be lost
** Depends on state.h and rate.h. It is allocated with the first message that has
** terms, counts for a rate, or is dropped: a connection without these never has it.
** Never drops a message itself: it notes for the owner what the others drop.
*/
#ifndef WSM_SENDING_H
#define WSM_SENDING_H

#include "base/rate.h"
#include "manager/state.h"

/* Messages that were dropped, and their bytes. */
struct wsm_dropped {
  uint64_t count, bytes;
};

enum {
  WSM_DROPPED_TOKENS = 3, /* WSM_TIMEOUT, WSM_CLOSED, WSM_FULL */
  WSM_UNTAKEN_TOKENS = 2  /* WSM_FULL, WSM_LOGIN */
};

struct wsm_unacknowledged; /* delivery.c */
struct wsm_uncertain;

struct wsm_sending {
  /* the terms of messages in the output, without their bytes */
  struct wsm_message_queue output;
  uint64_t expires_ms; /* in the outbox: no message expires before */
  struct wsm_rate rate;
  uint32_t unwritten; /* the last so many of the rate are in the output, or were
                         when it was last written */
  struct wsm_unacknowledged *unacknowledged; /* NULL: none yet */
  struct wsm_ids *dedupe;          /* of messages received; NULL: none yet */
  struct wsm_uncertain *uncertain; /* NULL: nobody asks what may be lost */
  /* what the event has not told, by token from WSM_TIMEOUT on */
  struct wsm_dropped untold[WSM_DROPPED_TOKENS];
  struct wsm_dropped untaken[WSM_UNTAKEN_TOKENS]; /* of what was received */
};

/* The manager's; NULL without memory. */
struct wsm_sending *wsm_sending_get (struct wsm_manager *m);
void wsm_sending_free (struct wsm_manager *m);

/* --- the rate --- */

/* From when on one more message fits into the rate; now where there is none.
** urgent: heartbeats and logins, which have the reserve. */
uint64_t wsm_sending_next (const struct wsm_manager *m, bool urgent,
                           uint64_t now_ms);

/* One is about to be framed. false without memory: it must not be. */
bool wsm_sending_count (struct wsm_manager *m, uint64_t now_ms);

/* The last n were not sent. */
void wsm_sending_undo (struct wsm_manager *m, size_t n);

/* Output was written: what was in it counts from now on. */
void wsm_sending_wrote (struct wsm_manager *m, uint64_t now_ms);

/* --- what was dropped --- */

/* Counts what was dropped and queues the event: WSM_TIMEOUT, what expired;
** WSM_CLOSED, what a lost connection had not sent; WSM_FULL, the oldest. */
void wsm_sending_drop (struct wsm_manager *m, enum wsm_token token,
                       const struct wsm_dropped *dropped);

/* What the event tells: the token, or WSM_NONE, and how much. */
enum wsm_token wsm_sending_untold (const struct wsm_manager *m,
                                   struct wsm_dropped *dropped);

/* It was told: queues the event again for another token. */
void wsm_sending_told (struct wsm_manager *m);

/* --- what was received and dropped --- */

/* Counts what nobody took and queues the event: WSM_FULL, what did not fit into the
** inbox; WSM_LOGIN, what was left of a login that did not succeed. */
void wsm_sending_drop_untaken (struct wsm_manager *m, enum wsm_token token,
                               const struct wsm_dropped *dropped);

/* What the event tells, as above. */
enum wsm_token wsm_sending_untaken (const struct wsm_manager *m,
                                    struct wsm_dropped *dropped);
void wsm_sending_untaken_told (struct wsm_manager *m);

/* --- what may be lost with a connection --- */

/* From now on it is noted how far messages were written, at each write or every
** 256 KiB. false without memory. */
bool wsm_sending_track (struct wsm_manager *m);

static inline bool wsm_sending_is_tracked (const struct wsm_manager *m) {
  return m->sending && m->sending->uncertain;
}

/* While it is tracked: a connection begins; of `written` bytes the peer's TCP has
** acknowledged so many; the connection has ended, and what was not wholly written is
** not counted any more. The last queues the event if messages may be lost. */
void wsm_sending_begin (struct wsm_manager *m);
void wsm_sending_acknowledged (struct wsm_manager *m,
                               const struct wsm_delivery *delivery);
void wsm_sending_end (struct wsm_manager *m);

/* What the event tells: messages and their bytes on the wire, at most. */
void wsm_sending_uncertain (const struct wsm_manager *m,
                            struct wsm_dropped *uncertain);
void wsm_sending_uncertain_told (struct wsm_manager *m);

#endif
