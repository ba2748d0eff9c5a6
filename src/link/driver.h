/*
** driver.h - the driver of a link's manager: it does what the manager wants
** Depends on manager.h, route.h, transfer.h and stream.h. It connects and
** disconnects, gets the events of its stream, and after anything that happened
** sets what follows from it: reading, the timer, who is told.
** Never decides what happens next; it knows nothing of the application's calls.
*/
#ifndef WSM_DRIVER_H
#define WSM_DRIVER_H

#include "link/link.h"
#include "link/transfer.h"

struct wsm_link {
  struct wsm_handle handle;
  struct wsm_manager manager;
  struct wsm_transfer transfer; /* its stream is the top of the stack */
  const struct wsm_link_calls *calls;
  void *owner;
  struct wsm_route *route; /* a client's, while it is connecting or connected */
  struct wsm_tls_context *tls, *proxy_tls;
  const char *proxy;           /* of wsm_link_proxy */
  struct wsm_request request;  /* of wsm_link_fix */
  struct wsm_demoted *demoted; /* addresses that failed after TCP */
  /* wsm_link_migrate: the link whose place it took, and the one that took its own,
     until either is freed; NULL: none */
  struct wsm_link *before, *successor;
  bool fixed;
};

static inline uint64_t wsm_driver_now (const struct wsm_link *l) {
  return l->handle.loop ? wsm_loop_now(l->handle.loop) : 0;
}

/* Nothing can be written now. */
static inline bool wsm_driver_is_blocked (const struct wsm_link *l) {
  return !l->transfer.stream || l->transfer.blocked ||
         wsm_manager_is_draining(&l->manager);
}

/* Closes the connection, or abandons the attempt at one; the manager is told
** nothing. */
void wsm_driver_disconnect (struct wsm_link *l);

/* Before the connection is closed: tells the manager how much the peer's TCP has
** acknowledged, if it wants to know what may be lost. */
void wsm_driver_report_last (struct wsm_link *l);

/* The connection, or the attempt at one, is over; e NULL: the peer ended it. */
void wsm_driver_fail (struct wsm_link *l, const struct wsm_error *e);

/* A connection begins over this stream, which is the link's from now on. */
void wsm_driver_start (struct wsm_link *l, struct wsm_stream *stream);

/* Moves messages that the link before has received, if there is one. */
void wsm_driver_forward (struct wsm_link *l);

/* They have nothing to do with each other any more. */
void wsm_driver_part (struct wsm_link *l);

/* See wsm_link_target. */
void wsm_driver_target (struct wsm_link *l, const struct wsm_request *request);

/* After anything happened: does what the manager wants and all of those below. */
void wsm_driver_update (struct wsm_link *l);

/* Stops reading while the inbox is full: TCP makes the peer wait. */
void wsm_driver_update_pause (struct wsm_link *l);
void wsm_driver_update_timer (struct wsm_link *l);

/* Tells the server that it belongs to, or the application. */
void wsm_driver_notify (struct wsm_link *l);

/* Time passed: the manager ticks, after a report of what lies at the socket. */
void wsm_driver_tick (struct wsm_link *l);

#endif
