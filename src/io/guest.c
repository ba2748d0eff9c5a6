#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "io/guest.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>
#include "base/memory.h"
#include "io/fork.h"
#include "io/handle.h"
#include "io/loop.h"
#include "base/hidden.h"

struct wsm_guest {
  struct wsm_handle handle; /* first */
  const struct wsm_guest_calls *calls;
  void *owner;
  struct wsm_guest_socket *sockets;
  unsigned long watched;
};

/* Freed when libuv has closed the poll. */
struct wsm_guest_socket {
  uv_poll_t poll;          /* first */
  struct wsm_guest *guest; /* NULL: not watched any more */
  struct wsm_guest_socket *next, *previous;
  int fd, events;
};

static struct wsm_guest *of_handle (struct wsm_handle *h) {
  return (struct wsm_guest *)(void *)h;
}

/* --- sockets --- */

static void on_poll (uv_poll_t *poll, int status, int events);

static int start_poll (struct wsm_guest_socket *s) {
  const int read = s->events & WSM_GUEST_READ ? UV_READABLE : 0;
  const int write = s->events & WSM_GUEST_WRITE ? UV_WRITABLE : 0;
  return uv_poll_start(&s->poll, read | write, on_poll);
}

/* libuv stops a poll that met an error: a socket that is still watched then, as
** another attempt to connect is under way, is watched anew. */
static void on_poll (uv_poll_t *poll, int status, int events) {
  struct wsm_guest_socket *s = (struct wsm_guest_socket *)(void *)poll;
  struct wsm_guest *guest = s->guest;
  int told = 0;
  if (!guest) return;
  if (status < 0) told = WSM_GUEST_ERROR;
  if (events & UV_READABLE) told |= WSM_GUEST_READ;
  if (events & UV_WRITABLE) told |= WSM_GUEST_WRITE;
  guest->calls->on_socket(guest->owner, s->fd, told);
  if (status < 0 && s->guest) (void)start_poll(s);
}

static void on_poll_closed (uv_handle_t *poll) {
  wsm_free(poll);
}

static void unlink_socket (struct wsm_guest_socket *s) {
  struct wsm_guest *guest = s->guest;
  if (s->previous) s->previous->next = s->next;
  else guest->sockets = s->next;
  if (s->next) s->next->previous = s->previous;
  s->guest = NULL;
  guest->watched--;
}

static void unwatch (struct wsm_guest_socket *s) {
  if (!s->guest) return;
  unlink_socket(s);
  uv_close((uv_handle_t *)&s->poll, on_poll_closed);
}

static struct wsm_guest_socket *new_socket (struct wsm_guest *guest, int fd) {
  struct wsm_guest_socket *s = wsm_zalloc(sizeof *s);
  if (!s) return NULL;
  if (uv_poll_init(wsm_loop_uv(guest->handle.loop), &s->poll, fd) != 0) {
    wsm_free(s);
    return NULL;
  }
  s->guest = guest;
  s->fd = fd;
  s->next = guest->sockets;
  if (s->next) s->next->previous = s;
  guest->sockets = s;
  guest->watched++;
  return s;
}

static struct wsm_guest_socket *watch (struct wsm_guest *guest,
                                       struct wsm_guest_socket *s, int fd,
                                       int events) {
  if (!guest->handle.loop) return NULL;
  if (!s) s = new_socket(guest, fd);
  if (!s) return NULL;
  s->events = events;
  if (start_poll(s) == 0) return s;
  unwatch(s);
  return NULL;
}

static unsigned long watched (const struct wsm_guest *guest) {
  return guest->watched;
}

static int open_socket (int family, int type, int protocol) {
  int fd;
#ifdef SOCK_CLOEXEC
  fd = socket(family, type | SOCK_CLOEXEC, protocol);
#else
  fd = socket(family, type, protocol);
  if (fd >= 0) (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
#endif
  if (fd >= 0) wsm_fork_add_socket(fd);
  return fd;
}

static bool is_open (int fd) {
  return fcntl(fd, F_GETFD) >= 0;
}

static void note_free (struct wsm_guest_gap *gap) {
  int i;
  gap->free = 0;
  gap->from = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (gap->from < 0) return;
  close(gap->from);
  for (i = 0; i < 32; i++)
    if (!is_open(gap->from + i)) gap->free |= (uint32_t)1 << i;
}

static void close_on_exec (const struct wsm_guest_gap *gap) {
  int i;
  for (i = 0; gap->from >= 0 && i < 32; i++)
    if (gap->free >> i & 1 && is_open(gap->from + i))
      (void)fcntl(gap->from + i, F_SETFD, FD_CLOEXEC);
}

static unsigned forks (void) {
  return wsm_fork_count;
}

/* --- the timer --- */

static void on_timer (struct wsm_handle *h, uint64_t now_ms) {
  struct wsm_guest *guest = of_handle(h);
  (void)now_ms;
  guest->calls->on_timer(guest->owner);
}

/* A timer that is due at once waits for the next flush: one that sets itself anew
** would keep a turn from its end. */
static void on_flush (struct wsm_handle *h, bool before_io) {
  struct wsm_guest *guest = of_handle(h);
  (void)before_io;
  guest->calls->on_timer(guest->owner);
}

static void set_timer (struct wsm_guest *guest, int64_t ms) {
  struct wsm_handle *h = &guest->handle;
  if (!h->loop) return;
  if (ms == 0) wsm_handle_mark_pending(h);
  wsm_handle_set_timer(
    h, ms > 0 ? wsm_loop_refresh(h->loop) + (uint64_t)ms : WSM_NEVER, false);
}

/* --- life --- */

static void close_sockets (struct wsm_guest *guest) {
  while (guest->sockets) unwatch(guest->sockets);
}

/* Their memory stays: the parent's loop, which is kept, points to it. */
static void forget_sockets (struct wsm_guest *guest) {
  while (guest->sockets) unlink_socket(guest->sockets);
}

static void on_loop_closed (struct wsm_handle *h) {
  struct wsm_guest *guest = of_handle(h);
  guest->calls->on_lost(guest->owner, false);
  close_sockets(guest);
}

static void on_forked (struct wsm_handle *h) {
  struct wsm_guest *guest = of_handle(h);
  forget_sockets(guest);
  guest->calls->on_lost(guest->owner, true);
}

static const struct wsm_handle_calls handle_calls = { on_timer, on_flush,
                                                      on_loop_closed, on_forked,
                                                      NULL };

static struct wsm_guest *enter (struct wsm_loop *loop,
                                const struct wsm_guest_calls *calls,
                                void *owner) {
  struct wsm_guest *guest = wsm_zalloc(sizeof *guest);
  if (!guest) return NULL;
  guest->calls = calls;
  guest->owner = owner;
  if (wsm_loop_attach(loop, &guest->handle, &handle_calls)) return guest;
  wsm_free(guest);
  return NULL;
}

static void leave (struct wsm_guest *guest) {
  close_sockets(guest);
  wsm_handle_detach(&guest->handle);
  wsm_free(guest);
}

static int64_t id (const struct wsm_guest *guest) {
  return guest->handle.id;
}

static void notify (struct wsm_guest *guest) {
  if (guest->handle.loop) wsm_handle_notify(&guest->handle);
}

const struct wsm_guest_table wsm_guest_table = { .version = WSM_GUEST_VERSION,
                                                 .enter = enter,
                                                 .leave = leave,
                                                 .id = id,
                                                 .notify = notify,
                                                 .set_timer = set_timer,
                                                 .watch = watch,
                                                 .unwatch = unwatch,
                                                 .watched = watched,
                                                 .open_socket = open_socket,
                                                 .close_socket =
                                                   wsm_fork_close_socket,
                                                 .note_free = note_free,
                                                 .close_on_exec = close_on_exec,
                                                 .forks = forks };
