/*
** network.h - notices that the machine's network has come back
** Depends on libuv, fork.h and Linux's rtnetlink: a link that runs, an address or
** a route that is new. Elsewhere nothing is ever noticed. Other machines' networks
** are no concern of it.
** Never sends anything; never calls back.
*/
#ifndef WSM_NETWORK_H
#define WSM_NETWORK_H

#include <stdbool.h>

struct uv_loop_s;
struct wsm_network;

/* Sets *came_back whenever something comes back, until it is closed or forgotten;
** does not keep the loop alive. NULL: no descriptor, no memory, or not Linux. */
struct wsm_network *wsm_network_watch (struct uv_loop_s *uv, bool *came_back);

/* It is freed by a later turn of the loop. */
void wsm_network_close (struct wsm_network *n);

/* This is a forked child: the loop is its parent's, and the socket is closed. */
void wsm_network_forget (struct wsm_network *n);

#endif
