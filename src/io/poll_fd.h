/*
** poll_fd.h - one descriptor that a host polls for all of a loop
** Depends on Linux's epoll and timerfd: readable when libuv's descriptor is, or
** when a timeout is over. Elsewhere there is none, and a host has to ask for the
** loop's timeout.
** Never reads or writes a socket.
*/
#ifndef WSM_POLL_FD_H
#define WSM_POLL_FD_H

#include <stdint.h>

struct wsm_poll_fd;

/* backend is libuv's descriptor, borrowed. NULL: no descriptor, or not Linux. */
struct wsm_poll_fd *wsm_poll_fd_new (int backend);
void wsm_poll_fd_free (struct wsm_poll_fd *p);

int wsm_poll_fd_get (const struct wsm_poll_fd *p);

/* Becomes readable in timeout_ms; 0: now; negative: only when backend does. */
void wsm_poll_fd_set_timeout (struct wsm_poll_fd *p, int64_t timeout_ms,
                              uint64_t now_ms);

#endif
