/*
** delivery.h - messages with terms and ids, for the fuzzer of the manager
** Depends on world.h. Each life draws whether its messages have ids, which the peer
** confirms, and whether some expire or are volatile. Each that was accepted is then
** confirmed, unacknowledged, in the outbox, or given up and told: in one of these.
*/
#ifndef WSM_FUZZ_DELIVERY_H
#define WSM_FUZZ_DELIVERY_H

#include "world.h"

/* Draws what this life has, and the bounds that go with it. */
void delivery_begin (struct world *w, unsigned number);

/* Sends message number w->sent. */
enum wsm_sent delivery_send (struct world *w,
                             const struct wsm_message *message);

/* The peer has read the next message of a connection; first: there was none before.
** Without ids: `delivered` of them so far. */
void delivery_read (struct world *w, unsigned number, bool first);

/* The peer confirms one of those that it has, or one that it made up; or the owner
** asks whether an id was heard before. */
void delivery_act (struct world *w, unsigned what);

/* The next event is WSM_EVENT_DROPPED. */
void delivery_told (struct world *w);

/* After every step. */
void delivery_check (const struct world *w);

/* The manager is closed: where is each message? */
void delivery_end (struct world *w);

#endif
