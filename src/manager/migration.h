/*
** migration.h - one connection takes the place of another of the same owner
** Depends on delivery.h, heartbeat.h, outbox.h and state.h. The new one gets what the
** old one kept for its owner; what the old one still receives comes before the new
** one's own messages, which wait.
** Never ends the old one and never changes a state.
*/
#ifndef WSM_MIGRATION_H
#define WSM_MIGRATION_H

#include "manager/state.h"

/* m, a client that was not started, is to take the place of `before`: its connection is
** numbered behind those, and its attempt counts for the rate of both. Where that lets
** none begin now, m will wait when it is started. false without memory. */
bool wsm_migration_prepare (struct wsm_manager *m, struct wsm_manager *before,
                            uint64_t now_ms);

/* m, which is OPEN and of which nobody took a message, takes the place of `before`, in
** any state: its outbox, what is not acknowledged (to be sent again), what was
** received and not taken, its rates, counters and rules for heartbeats. false without
** memory: nothing happened. */
bool wsm_migration_begin (struct wsm_manager *m, struct wsm_manager *before,
                          uint64_t now_ms);

/* Moves the messages that `before` has received to m, as the inbox has room, and what
** it gave up: before its owner pops its events. */
void wsm_migration_forward (struct wsm_manager *m, struct wsm_manager *before,
                            uint64_t now_ms);

/* `before` has ended: after its last messages come m's own; what it had not sent is
** sent by m. What finds no memory, or no room in the outbox, is counted in *lost. */
void wsm_migration_finish (struct wsm_manager *m, struct wsm_manager *before,
                           size_t *lost, uint64_t now_ms);

#endif
