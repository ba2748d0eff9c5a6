/*
** close_wait.h - how long the end of a connection may take
** Depends on state.h. The time begins anew only when the peer's TCP
** acknowledged more of our bytes, which the driver reports; from when all of them,
** the close frame too, are acknowledged it runs once, whatever the peer sends.
** Never asks the kernel itself: without the driver's reports it runs once.
*/
#ifndef WSM_CLOSE_WAIT_H
#define WSM_CLOSE_WAIT_H

#include "manager/state.h"

/* CLOSING was entered; 0 ms: for as long as it takes. */
void wsm_close_wait_start (struct wsm_manager *m, uint32_t wait_ms,
                           uint64_t now_ms);

/* The driver's report. */
void wsm_close_wait_delivered (struct wsm_manager *m,
                               const struct wsm_delivery *delivery,
                               uint64_t now_ms);

/* When the driver should report again, or the wait is over (m->due_ms). */
uint64_t wsm_close_wait_deadline (const struct wsm_manager *m);

#endif
