/*
** poll_fd.h - one descriptor for a loop: its sockets and its timers
** Stands on Linux's epoll and timerfd; elsewhere there is none, and a host asks
** the loop for its timeout.
** Never reads or writes the loop's sockets.
*/
#ifndef WSM_POLL_FD_H
#define WSM_POLL_FD_H

#include <stdint.h>

struct wsm_poll_fd;

/* Over libuv's own descriptor, which it does not own. NULL: none to be had. */
struct wsm_poll_fd *wsm_poll_fd_new (int backend);
void wsm_poll_fd_free (struct wsm_poll_fd *d);

int wsm_poll_fd_get (const struct wsm_poll_fd *d);

/* Readable in timeout_ms; 0: now; negative: only when the backend is. */
void wsm_poll_fd_set_timeout (struct wsm_poll_fd *d, int64_t timeout_ms);

#endif
