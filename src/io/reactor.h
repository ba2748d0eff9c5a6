/*
** reactor.h - a libuv loop with libwebsockets' context on it, kept for reuse
** Depends on libuv, libwebsockets, POSIX threads, alarm.h, fork.h and resolve.h.
** Never destroyed: lws_context_destroy closes its eventfd twice (4.1) and the
** second time it may be another thread's file, or never (4.3.5). A reactor given
** back waits for the next loop, of whichever thread, so that there are as many
** as loops were ever open at the same time.
*/
#ifndef WSM_REACTOR_H
#define WSM_REACTOR_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"

struct uv_loop_s;
struct wsm_alarm;
struct wsm_reactor;
struct wsm_sockets;

/* For one thread at a time. One from before a fork is not used after it. NULL: e
** says why (the libuv plug-in of libwebsockets is missing ...). */
struct wsm_reactor *wsm_reactor_take (struct wsm_error *e);

/* All sockets, timers and polls on it have been closed, and its lookups cancelled;
** or it is from before a fork, and kept aside. */
void wsm_reactor_give_back (struct wsm_reactor *r);

/* Its own, made when it is first asked for; NULL: there is none (alarm.h). */
struct wsm_alarm *wsm_reactor_alarm (struct wsm_reactor *r);

/* Runs libuv's loop once and does not wait. libwebsockets asks for another run after
** each event, to look for work of its own. Raw sockets have none but their timers: it
** gets one after such a timer was set, which saves a system call for a lone message,
** and a host's loop a wake-up. */
void wsm_reactor_run (struct wsm_reactor *r);

/* In place of a run that would do nothing but say once more that one socket alone is
** readable: reads from that. false: it has to run. */
bool wsm_reactor_guess (struct wsm_reactor *r);

struct uv_loop_s *wsm_reactor_uv (struct wsm_reactor *r);
struct wsm_sockets *wsm_reactor_sockets (struct wsm_reactor *r);

#endif
