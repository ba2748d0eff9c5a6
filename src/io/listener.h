/*
** listener.h - a listening socket: accepts connections
** Depends on libuv (uv_poll) and the system's sockets: IPv4, IPv6 and Unix.
** When descriptors run out (EMFILE, ENFILE) it backs off for
** WSM_LISTENER_BACKOFF_MS, instead of spinning.
** Never reads from a connection.
*/
#ifndef WSM_LISTENER_H
#define WSM_LISTENER_H

#include <stdbool.h>
#include "base/error.h"

#define WSM_LISTENER_BACKOFF_MS 100
#define WSM_LISTENER_BURST 64 /* connections accepted in one turn */

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
  int
    inherited; /* instead: a descriptor that listens already; 0: none. It is the
                    listener's from then on, but not where there is none */
};

/* How many descriptors, from WSM_LISTENER_INHERITED on, whoever started this process has
** passed on to it, by the variables LISTEN_PID and LISTEN_FDS (systemd's
** sd_listen_fds). Programs that are started do not inherit them further. */
#define WSM_LISTENER_INHERITED 3
int wsm_listener_inherited (void);

/* Is it a stream socket that listens, and of nobody's here? false: e says what it is. */
bool wsm_listener_can_adopt (int fd, struct wsm_error *e);

/* fd is non-blocking, close-on-exec, TCP_NODELAY, registered with fork.h, and the
** callee's to close. */
typedef void wsm_listener_accepted (void *owner, int fd);

/* NULL: e says why (in use, not allowed ...), naming the address. */
struct wsm_listener *wsm_listener_new (struct uv_loop_s *uv,
                                       const struct wsm_listener_options *o,
                                       wsm_listener_accepted *accepted,
                                       void *owner, struct wsm_error *e);

/* Stops accepting and frees it (in the loop's next turn); a Unix socket's file
** is removed if it is still this one's. Safe from inside accepted. */
void wsm_listener_close (struct wsm_listener *l);

/* Stops (true) or resumes (false) accepting; meanwhile peers wait in the kernel's
** queue. */
void wsm_listener_pause (struct wsm_listener *l, bool pause);

int wsm_listener_port (const struct wsm_listener *l); /* 0: a Unix socket */

#endif
