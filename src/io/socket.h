/*
** socket.h - connected stream sockets, polled and owned by libwebsockets
** Stands on its role of raw files, which leaves the reading to their owner: the
** one file that includes it is socket.c. A descriptor that somebody else
** connected or accepted is adopted; from then on it is owned here.
** Never frames, never encrypts, never keeps bytes: they go from the kernel to
** where the owner wants them, and from there to the kernel.
*/
#ifndef WSM_SOCKET_H
#define WSM_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"

struct lws_protocols;
struct lws_vhost;
struct wsm_socket;

/* Where sockets are adopted; a reactor has one. */
struct wsm_sockets {
  struct lws_vhost *vhost; /* made with wsm_socket_protocols */
  uint64_t fd_limit;       /* entries of libwebsockets' table, by descriptor */
};

const struct lws_protocols *wsm_socket_protocols (void);

struct wsm_socket_calls {
  void (*readable)(void *owner);         /* wsm_socket_read finds something */
  void (*writable)(void *owner);         /* after a write that took less */
  void (*lost)(void *owner, bool reset); /* gone: ended or reset by the peer;
                                           the socket is no more */
};

/* NULL: e says why; fd is closed either way. */
struct wsm_socket *wsm_socket_adopt (struct wsm_sockets *s, int fd,
                                     const struct wsm_socket_calls *calls,
                                     void *owner, struct wsm_error *e);

/* Takes at most n bytes from the kernel, n > 0: how many there were. Only from
** inside `readable`. 0: there are none now, or no more at all: then `lost`
** comes. */
size_t wsm_socket_read (struct wsm_socket *s, void *to, size_t n);

/* Hands bytes to the kernel: how many it took. Less than n: `writable` comes.
** -1: the connection is broken, `lost` comes. */
long wsm_socket_write (struct wsm_socket *s, const void *bytes, size_t n);

/* Stops (true) or goes on (false) reading. */
void wsm_socket_rest (struct wsm_socket *s, bool rest);

/* Its owner hears these calls from now on. */
void wsm_socket_pass (struct wsm_socket *s,
                      const struct wsm_socket_calls *calls);

/* `writable` comes. */
void wsm_socket_ask (struct wsm_socket *s);

/* Nothing more will be written: the peer reads the end. It goes on reading, and
** hears `lost` when the peer ends too. */
void wsm_socket_finish (struct wsm_socket *s);

/* Hangs up and lets go; the owner hears nothing more. Safe from inside a
** call of its own. */
void wsm_socket_close (struct wsm_socket *s);

/* Closes a descriptor that nobody wants. */
void wsm_socket_discard (int fd);

/* "127.0.0.1:4711", "[::1]:4711", "unix"; at most n bytes with terminator. */
void wsm_socket_peer (const struct wsm_socket *s, char *to, size_t n);

#endif
