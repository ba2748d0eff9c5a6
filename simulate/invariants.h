/*
** invariants.h - what must hold in every world
** Depends on world.h. A rule that does not hold is told once, with the last lines
** of the story; the world then ends.
*/
#ifndef SIMULATE_INVARIANTS_H
#define SIMULATE_INVARIANTS_H

#include "world.h"

#define LATE_MS 1100 /* a deadline may be met a second late */

enum broken { BROKEN_LOST, BROKEN_DOUBLED, BROKEN_ORDER, BROKEN_OTHER };

void invariant_broken (struct world *w, enum broken what, const char *format,
                       ...) __attribute__((format(printf, 3, 4)));

/* A numbered message where `expected` was due. */
void invariant_order (struct client *c, const char *whose, uint64_t expected,
                      uint64_t number);

/* After every call of the manager: its state can end, and its memory is bounded. */
void invariant_state (struct client *c);
void invariant_memory (struct client *c);

/* A message was sent: what became of it is what its terms and the options say. */
void invariant_sent (struct client *c, const struct wsm_message *message,
                     const struct wsm_terms *terms, enum wsm_sent sent);

/* A message was written: is it one too many? urgent: a heartbeat or a login. */
void invariant_send_rate (struct client *c, bool urgent);

/* It ended a connection: not that of a live peer. */
void invariant_alive (struct client *c);

/* Now and then: do we send as the heartbeat's mode says; is a peer's end noticed
** behind a full inbox? */
void invariant_rhythm (struct client *c);
void invariant_hung_up (struct client *c);
void invariant_silence (struct client *c);

/* Likewise: is a dead peer noticed? */
void invariant_dead (struct client *c);

/* All faults are over for long. */
void invariant_recovered (struct client *c);

#endif
