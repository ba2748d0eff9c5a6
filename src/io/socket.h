/*
** socket.h - connected stream sockets, polled and closed by libwebsockets
** Depends on libwebsockets' role raw-file, which leaves reading and writing to
** us, and on fork.h. A descriptor that connect.c connected or listener.c accepted
** is adopted: from then on it is libwebsockets' to close.
** Never buffers: bytes go from the kernel to the caller's memory and back.
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

/* Where sockets are adopted; each reactor has one. */
struct wsm_sockets {
  struct lws_vhost *vhost; /* made with wsm_socket_protocols */
  uint64_t fd_limit;       /* entries of libwebsockets' table, by descriptor */
  bool wants_run; /* a timer of libwebsockets was set: it is to run once more */
  /* who was readable in the last polls, and no other; how often; events of the
     poll under way: */
  struct wsm_socket *alone;
  unsigned times_alone, events;
};

/* In place of a poll: reads from the socket that alone was readable in those before.
** false: there is none, or it did not find something that was all it had. */
bool wsm_sockets_guess (struct wsm_sockets *all);

/* A poll has told all whom it concerns. */
void wsm_sockets_polled (struct wsm_sockets *all);

const struct lws_protocols *wsm_socket_protocols (void);

struct wsm_socket_calls {
  void (*readable)(void *owner); /* call wsm_socket_read */
  void (*writable)(void *owner); /* after a short write */
  /* the peer ended or reset the connection; the socket is freed */
  void (*lost)(void *owner, bool reset);
  /* the peer sends no more; true: it may still read, `lost` comes after finish or
     a write that fails. NULL: never */
  bool (*half_closed)(void *owner);
};

/* fd, registered with fork.h, is the socket's from now on. NULL: fd is closed, e
** says why. */
struct wsm_socket *wsm_socket_adopt (struct wsm_sockets *s, int fd,
                                     const struct wsm_socket_calls *calls,
                                     void *owner, struct wsm_error *e);

/* Reads at most n bytes, n > 0; returns how many. Only from inside `readable`. 0:
** none now, or never again: then `lost` follows. */
size_t wsm_socket_read (struct wsm_socket *s, void *to, size_t n);

/* Returns how many bytes the kernel took; fewer than n: `writable` follows. -1:
** the connection is broken, `lost` follows, unless reading is paused: what the
** peer sent before is still to be read. */
long wsm_socket_write (struct wsm_socket *s, const void *bytes, size_t n);

/* Stops (true) or resumes (false) reading. */
void wsm_socket_pause (struct wsm_socket *s, bool pause);

/* Calls `writable` once, when the kernel takes bytes. */
void wsm_socket_want_writable (struct wsm_socket *s);

/* Ends our side: nothing more may be written. Reading goes on, until `lost` when
** the peer ends too. */
void wsm_socket_finish (struct wsm_socket *s);

/* Bytes written that the peer has not acknowledged; 0 where the system does not
** tell. */
size_t wsm_socket_unacknowledged (const struct wsm_socket *s);

/* What lies at a socket, to be read. */
struct wsm_socket_look {
  size_t unread; /* bytes; 0 where the system does not tell */
  bool readable; /* a read would find something, or the end */
  bool hung_up;  /* the peer has ended or reset it, perhaps behind those bytes;
                    where the system does not tell, known once they are read */
};

void wsm_socket_look_at (const struct wsm_socket *s,
                         struct wsm_socket_look *look);

/* Closes and frees it without a further call of the owner. Safe inside one. */
void wsm_socket_close (struct wsm_socket *s);

/* Closes a descriptor that was not adopted. */
void wsm_socket_discard (int fd);

/* "127.0.0.1:4711", "[::1]:4711", "unix"; at most n bytes with terminator. */
void wsm_socket_peer (const struct wsm_socket *s, char *to, size_t n);

#endif
