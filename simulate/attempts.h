/*
** attempts.h - what must hold for attempts to connect: whether, and when
** Depends on invariants.h. It reckons with the options, and with what the server did.
*/
#ifndef SIMULATE_ATTEMPTS_H
#define SIMULATE_ATTEMPTS_H

#include "world.h"

/* WSM_EVENT_CLOSE: the connection or the attempt has ended. Is there another one? */
void attempts_note_end (struct client *c);

/* After a verdict: is there, as it says? */
void attempts_check_verdict (struct client *c, bool again);

/* After every call of the manager: has one begun, and neither too early nor too
** late, nor over the rate? */
void attempts_check (struct client *c);

#endif
