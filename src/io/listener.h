/*
** listener.h - a bound socket that hands over what it accepts
** Stands on libuv (uv_poll) and the system's sockets: IPv4, IPv6 and Unix.
** When descriptors run out (EMFILE, ENFILE) it rests WSM_LISTENER_BACKOFF_MS and
** tries again, instead of spinning.
** Never reads from what it accepted.
*/
#ifndef WSM_LISTENER_H
#define WSM_LISTENER_H

#include <stdbool.h>
#include "base/error.h"

#define WSM_LISTENER_BACKOFF_MS 100
#define WSM_LISTENER_BURST 64 /* accepts in one turn */

struct uv_loop_s;
struct wsm_listener;

struct wsm_listener_options {
  const char *host; /* numeric, or a name of this machine, looked up
                                while the caller waits; NULL: every address,
                                IPv6 and IPv4 */
  int port;         /* 0: the system chooses */
  const char *path; /* instead: a Unix socket; a stale file of a dead
                                server is replaced, a live one refused */
  int backlog;
};

/* fd is non-blocking, close-on-exec, TCP_NODELAY, and now the callee's. */
typedef void wsm_listener_accepted (void *owner, int fd);

/* NULL: e says why (in use, not allowed ...), naming the address. */
struct wsm_listener *wsm_listener_new (struct uv_loop_s *uv,
                                       const struct wsm_listener_options *order,
                                       wsm_listener_accepted *accepted,
                                       void *owner, struct wsm_error *e);

/* Stops accepting and frees it (in the loop's next turn); a Unix socket's file
** is removed if it is still this one's. Safe from inside accepted. */
void wsm_listener_close (struct wsm_listener *l);

/* Rests (true) or accepts again (false); while resting, peers queue in the
** kernel. */
void wsm_listener_pause (struct wsm_listener *l, bool rest);

int wsm_listener_port (const struct wsm_listener *l); /* 0: a Unix socket */

#endif
