/*
** application.h - a program that uses a manager: it sends, takes, and calls
** Depends on driver.h and messages.h. It sends numbered messages, and checks those
** of the server.
*/
#ifndef SIMULATE_APPLICATION_H
#define SIMULATE_APPLICATION_H

#include "world.h"

/* It sends and is sent to from now on. */
void application_start (struct client *c);

/* Sends so many at once, each this much larger than usual, as far as they are
** accepted. */
void application_send (struct client *c, unsigned count, size_t extra);

/* Nobody will say anything any more: ws:heartbeat { interval = 5, silence = false }. */
#define LATER_INTERVAL_MS 5000 /* where there was none */
void application_forget_silence (struct client *c);

/* A login and heartbeats, for a connection that is to take the place of another: its
** event, or none. */
void application_log_in (struct client *c, enum wsm_event event);

/* Calls reconnect(). */
void application_reconnect (struct client *c);

/* Has it everything that was read for it? At the end of the world. */
void application_check_end (struct client *c);

#endif
