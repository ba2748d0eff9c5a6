/*
** confirmed.h - the server's side of acknowledged delivery
** Depends on model_server.h. It confirms each message by its id ("ok 7"), and sends
** its own again on each connection until the client confirms them ("got 7").
** Never drops a message.
*/
#ifndef SIMULATE_CONFIRMED_H
#define SIMULATE_CONFIRMED_H

#include "model_server.h"

/* A message of the application came: is it the next one, or one again? */
void confirmed_read (struct peer *p, uint64_t number);

/* One more for the client, now or on its next connection. */
void confirmed_push (struct account *a, size_t extra);

/* The client is welcome: what it did not confirm comes first. */
void confirmed_resume (struct peer *p);

/* The client has it, and all before. */
void confirmed_got (struct account *a, uint64_t number);

#endif
