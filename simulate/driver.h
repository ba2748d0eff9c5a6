/*
** driver.h - what src/link does for a manager, in a simulated world
** Depends on world.h and model_server.h. It connects, reads and writes as the
** manager wants, and tells it the time, now and then late.
*/
#ifndef SIMULATE_DRIVER_H
#define SIMULATE_DRIVER_H

#include "world.h"

/* The client begins, or begins again. */
void driver_start (struct client *c);

/* After any call of the manager. */
void driver_settle (struct client *c);

/* Its connection is that of another client now. */
void driver_exchanged (struct client *c);

/* Its program does nothing for so long. */
void driver_block (struct client *c, uint64_t for_ms);

#endif
