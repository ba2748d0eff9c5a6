/*
** descriptor.h - one descriptor for a loop: its sockets and its timers
** Stands on Linux's epoll and timerfd; elsewhere there is none, and a host asks
** the loop for its timeout.
** Never reads or writes the loop's sockets.
*/
#ifndef WSM_DESCRIPTOR_H
#define WSM_DESCRIPTOR_H

#include <stdint.h>

struct wsm_descriptor;

/* Over libuv's own descriptor, which it does not own. NULL: none to be had. */
struct wsm_descriptor *wsm_descriptor_new (int backend);
void wsm_descriptor_free (struct wsm_descriptor *d);

int wsm_descriptor_fd (const struct wsm_descriptor *d);

/* Readable in timeout_ms; 0: now; negative: only when the backend is. */
void wsm_descriptor_alarm (struct wsm_descriptor *d, int64_t timeout_ms);

#endif
