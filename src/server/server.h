/*
** server.h - a listener and the connections that came through it
** Depends on listener.h and link.h. It keeps a connection until its opening
** request is there and the application accepts it, bounds how many there are,
** and sends one message to all of them.
** Never decides whether to accept a request: the application does.
*/
#ifndef WSM_SERVER_H
#define WSM_SERVER_H

#include "link/link.h"
#include "io/listener.h"

struct wsm_server_setup {
  struct wsm_listener_options listener;
  struct wsm_policy policy;    /* copied; its heartbeat's message too */
  struct wsm_tls_context *tls; /* retained; NULL: plain */
  uint32_t connections;        /* at once; beyond, peers wait in the
                                         kernel; 0: no limit */
};

/* NULL: e says why. Reference-counted: each connection holds it too. */
struct wsm_server *wsm_server_new (struct wsm_loop *loop,
                                   const struct wsm_server_setup *setup,
                                   struct wsm_error *e);

/* Accepts no more; the connections live on. */
void wsm_server_stop (struct wsm_server *s);

/* Stops, drops what was never claimed, and gives up the caller's reference. */
void wsm_server_release (struct wsm_server *s);

/* A connection whose request waits, in order of arrival; from now on the
** caller's to free, and the loop's list of what is ready has it. NULL: none. */
struct wsm_link *wsm_server_claim (struct wsm_server *s);

/* As wsm_link_free; a server's link leaves its server. */
void wsm_server_free_link (struct wsm_link *l);

/* One message to every open connection but `except` (may be NULL), framed
** once. *full counts those whose output is full: they did not get it. Returns
** how many got it; -1 without memory. */
struct wsm_broadcast {
  unsigned opcode;
  const void *data; /* borrowed for the call */
  size_t length;
  const struct wsm_link *except;
};
long wsm_server_broadcast (struct wsm_server *s,
                           const struct wsm_broadcast *message, size_t *full);

/* From now on what happens to a connection is noted from its acceptance on; and that of
** connections whose request never came, in the server's journal. false: no memory. */
bool wsm_server_observe (struct wsm_server *s);
struct wsm_journal *wsm_server_journal (struct wsm_server *s); /* or NULL */

struct wsm_handle *wsm_server_handle (struct wsm_server *s);
int wsm_server_port (const struct wsm_server *s);
uint32_t wsm_server_count (const struct wsm_server *s);

#endif
