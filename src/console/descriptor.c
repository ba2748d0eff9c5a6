#include "console/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>
#include "base/memory.h"
#include "io/guest.h"
#include "base/hidden.h"

struct wsm_descriptor {
  struct wsm_guest *guest;
  struct wsm_guest_socket *socket; /* NULL: not watched */
  int fd;
};

/* Once: it is watched again when that is asked for. */
static void on_socket (void *owner, int fd, int events) {
  struct wsm_descriptor *d = owner;
  (void)fd;
  if (events & WSM_GUEST_ERROR) {
    wsm_guest_table.unwatch(d->socket);
    d->socket = NULL;
  } else {
    d->socket = wsm_guest_table.watch(d->guest, d->socket, d->fd, 0);
  }
  wsm_guest_table.notify(d->guest);
}

static void on_timer (void *owner) {
  (void)owner;
}

static void on_lost (void *owner, bool forked) {
  struct wsm_descriptor *d = owner;
  (void)forked;
  d->socket = NULL;
}

static const struct wsm_guest_calls calls = { on_socket, on_timer, on_lost };

struct wsm_descriptor *wsm_descriptor_new (struct wsm_loop *loop, int fd,
                                           struct wsm_error *e) {
  struct wsm_descriptor *d = wsm_zalloc(sizeof *d);
  if (d) d->guest = wsm_guest_table.enter(loop, &calls, d);
  if (!d || !d->guest) {
    wsm_error_set(e, WSM_FULL, "no memory for the descriptor %d", fd);
    wsm_free(d);
    return NULL;
  }
  d->fd = fd;
  return d;
}

void wsm_descriptor_free (struct wsm_descriptor *d) {
  wsm_guest_table.leave(d->guest);
  wsm_free(d);
}

int wsm_descriptor_fd (const struct wsm_descriptor *d) {
  return d->fd;
}

int64_t wsm_descriptor_id (const struct wsm_descriptor *d) {
  return wsm_guest_table.id(d->guest);
}

/* libuv makes what it polls non-blocking, for all who share it: a shell, too. */
bool wsm_descriptor_await (struct wsm_descriptor *d, bool write) {
  const int flags = d->socket ? -1 : fcntl(d->fd, F_GETFL);
  d->socket = wsm_guest_table.watch(d->guest, d->socket, d->fd,
                                    write ? WSM_GUEST_WRITE : WSM_GUEST_READ);
  if (flags >= 0) (void)fcntl(d->fd, F_SETFL, flags);
  return d->socket != NULL;
}

static bool is_ready (int fd, short events) {
  struct pollfd p;
  p.fd = fd;
  p.events = events;
  p.revents = 0;
  return poll(&p, 1, 0) != 0; /* an error is found by who reads or writes */
}

static long outcome (ssize_t n) {
  if (n >= 0) return (long)n;
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
    return WSM_DESCRIPTOR_NOT_NOW;
  return WSM_DESCRIPTOR_FAILED;
}

long wsm_descriptor_read (const struct wsm_descriptor *d, void *to, size_t n) {
  if (!is_ready(d->fd, POLLIN)) return WSM_DESCRIPTOR_NOT_NOW;
  return outcome(read(d->fd, to, n));
}

/* A pipe that can be written has room for PIPE_BUF bytes; more might block. */
long wsm_descriptor_write (const struct wsm_descriptor *d, const void *from,
                           size_t n) {
  if (!is_ready(d->fd, POLLOUT)) return WSM_DESCRIPTOR_NOT_NOW;
  return outcome(write(d->fd, from, n < PIPE_BUF ? n : PIPE_BUF));
}
