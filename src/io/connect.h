/*
** connect.h - from a host's name to a connected descriptor
** Depends on libuv (uv_poll for connect), hosts.h, resolve.h and the system's
** sockets. All addresses of a name are tried, IPv6 and IPv4 by turns,
** 250 ms apart or as soon as one fails; the first that connects wins
** (RFC 8305).
** Never blocks, never reads or writes.
*/
#ifndef WSM_CONNECT_H
#define WSM_CONNECT_H

#include <stddef.h>
#include "base/error.h"

#define WSM_CONNECT_STAGGER_MS 250 /* RFC 8305 section 8 */

struct uv_loop_s;
struct wsm_connect;
struct wsm_demoted;

struct wsm_connect_options {
  const char *host; /* a name or a numeric address, no brackets */
  int port;
  const char *path;                  /* instead: a Unix socket */
  const struct wsm_demoted *demoted; /* tried last; borrowed; NULL: none */
};

/* fd >= 0: connected, non-blocking, close-on-exec, TCP_NODELAY, registered with
** fork.h, the callee's to close; e's token is WSM_NONE. fd -1: e says which addresses failed and how
** (resolve, refused; full without memory). e is only valid during the call.
** Called once, never from inside wsm_connect_start; the attempt is freed after. */
typedef void wsm_connect_done (void *owner, int fd, const struct wsm_error *e);

/* NULL without memory. Strings are copied. */
struct wsm_connect *wsm_connect_start (struct uv_loop_s *uv,
                                       const struct wsm_connect_options *o,
                                       wsm_connect_done *done, void *owner);

/* How many addresses it has to choose from. Also inside done. */
size_t wsm_connect_choices (const struct wsm_connect *c);

/* Frees it; done is not called. */
void wsm_connect_cancel (struct wsm_connect *c);

#endif
