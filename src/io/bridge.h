/*
** bridge.h - tells a host that can watch only streams of its own of a descriptor
** Depends on a thread, epoll and a TCP connection over loopback, and nothing of it is
** in a file. The thread writes one byte when the descriptor is readable, and rests
** until it is armed again.
** Never turns a loop.
*/
#ifndef WSM_BRIDGE_H
#define WSM_BRIDGE_H

#include "base/error.h"

struct wsm_bridge;

#define WSM_BRIDGE_SECRET 32

/* Listens for one connection, which begins with the secret. NULL: e says why. fd is
** duplicated. */
struct wsm_bridge *wsm_bridge_new (int fd, struct wsm_error *e);
void wsm_bridge_free (struct wsm_bridge *b);

int wsm_bridge_port (const struct wsm_bridge *b); /* of 127.0.0.1 */
const unsigned char *wsm_bridge_secret (const struct wsm_bridge *b);

/* After each byte that was read, once the descriptor was looked at. */
void wsm_bridge_arm (struct wsm_bridge *b);

#endif
