#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4 */
#endif
#include "io/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>
#include "base/host_port.h"
#include "base/memory.h"
#include "io/address.h"
#include "io/fork.h"
#include "io/hosts.h"
#include "io/resolve.h"
#include "base/hidden.h"

struct wsm_listener {
  uv_poll_t poll;
  uv_timer_t timer;
  wsm_listener_accepted *accepted;
  void *owner;
  int fd; /* -1: closed */
  int port;
  bool paused;      /* by its owner */
  bool backing_off; /* out of descriptors; until the timer */
  int handles;      /* not closed yet; the last one frees it */
  dev_t device;     /* of the path, when it was bound */
  ino_t inode;
  char path[]; /* "": not a Unix socket */
};

/* --- binding --- */

static void name_of (const struct wsm_listener_options *o, char *to, size_t n) {
  if (o->path) snprintf(to, n, "%s", o->path);
  else
    wsm_host_port_write(to, n, wsm_span_of(o->host ? o->host : "*"), o->port);
}

static const char *advice_for (const struct wsm_listener_options *o, int why) {
  switch (why) {
    case EADDRINUSE:
      return " (another program listens there)";
    case EADDRNOTAVAIL:
      return " (no interface of this machine has it)";
    case EACCES:
      return o->path ? "" : " (ports below 1024 need root)";
    default:
      return "";
  }
}

static void explain (struct wsm_error *e, const struct wsm_listener_options *o,
                     int why) {
  char address[WSM_DETAIL_SIZE], reason[WSM_ERROR_TEXT_SIZE];
  name_of(o, address, sizeof address);
  wsm_address_error_text(why, reason, sizeof reason);
  wsm_error_set(e, WSM_REFUSED, "cannot listen on %.100s: %s%s", address,
                reason, advice_for(o, why));
}

/* A descriptor that listens, or -1 and errno. */
static int bind_to (const struct wsm_address *a, int backlog) {
  const int on = 1, off = 0;
  int fd = wsm_address_socket(a);
  if (fd < 0) return -1;
  if (a->as.any.sa_family != AF_UNIX)
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (a->as.any.sa_family == AF_INET6)
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (bind(fd, &a->as.any, a->n) == 0 &&
      listen(fd, backlog > 0 ? backlog : SOMAXCONN) == 0)
    return fd;
  wsm_fork_close_socket(fd);
  return -1;
}

static int bind_everywhere (const struct wsm_listener_options *o) {
  struct wsm_address a;
  int fd;
  (void)wsm_address_numeric(&a, "::", o->port);
  fd = bind_to(&a, o->backlog);
  if (fd >= 0 || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)) return fd;
  (void)wsm_address_numeric(&a, "0.0.0.0", o->port);
  return bind_to(&a, o->backlog);
}

/* false: the name is unknown, and e says so. */
static bool look_up (const struct wsm_listener_options *o,
                     struct wsm_address a[WSM_ADDRESS_LIMIT], size_t *n,
                     struct wsm_error *e) {
  struct addrinfo *list;
  *n = wsm_hosts_find(a, o->host, o->port);
  if (*n > 0) return true;
  list = wsm_resolve_wait(o->host, e);
  if (!list) return false;
  *n = wsm_address_sort(a, list, o->port);
  freeaddrinfo(list);
  return true;
}

static int bind_name (const struct wsm_listener_options *o,
                      struct wsm_error *e) {
  struct wsm_address a[WSM_ADDRESS_LIMIT];
  size_t i, n;
  int fd = -1;
  if (!look_up(o, a, &n, e)) return -1;
  errno = EADDRNOTAVAIL;
  for (i = 0; fd < 0 && i < n; i++) fd = bind_to(&a[i], o->backlog);
  if (fd < 0) explain(e, o, errno);
  return fd;
}

/* Does nobody listen at the path any more? errno is why not. */
static bool is_stale (const struct wsm_address *a) {
  int why, fd = wsm_address_socket(a);
  if (fd < 0) return false;
  why = connect(fd, &a->as.any, a->n) == 0 ? EADDRINUSE : errno;
  wsm_fork_close_socket(fd);
  errno = why == EAGAIN || why == EPROTOTYPE ? EADDRINUSE : why;
  return why == ECONNREFUSED || why == ENOENT;
}

static int replace_stale (const struct wsm_listener_options *o,
                          const struct wsm_address *a, struct wsm_error *e) {
  struct stat file;
  int fd = -1;
  if (lstat(o->path, &file) == 0 && !S_ISSOCK(file.st_mode)) {
    wsm_error_set(e, WSM_REFUSED,
                  "cannot listen on %.100s: it exists and is not a socket",
                  o->path);
    return -1;
  }
  if (is_stale(a)) {
    if (unlink(o->path) == 0 || errno == ENOENT) fd = bind_to(a, o->backlog);
  } else if (errno == EADDRINUSE) {
    wsm_error_set(e, WSM_REFUSED,
                  "cannot listen on %.100s: another server is "
                  "listening on %.100s",
                  o->path, o->path);
    return -1;
  }
  if (fd < 0) explain(e, o, errno);
  return fd;
}

static int bind_path (const struct wsm_listener_options *o,
                      struct wsm_error *e) {
  struct wsm_address a;
  int fd;
  if (!wsm_address_unix(&a, o->path)) {
    explain(e, o, ENAMETOOLONG);
    return -1;
  }
  fd = bind_to(&a, o->backlog);
  if (fd >= 0) return fd;
  if (errno == EADDRINUSE) return replace_stale(o, &a, e);
  explain(e, o, errno);
  return -1;
}

/* --- a descriptor of somebody else's --- */

static bool has_option (int fd, int option, int wanted) {
  int value = 0;
  socklen_t n = sizeof value;
  return getsockopt(fd, SOL_SOCKET, option, &value, &n) == 0 && value == wanted;
}

static bool has_family (int fd) {
  struct wsm_address a;
  memset(&a, 0, sizeof a);
  a.n = sizeof a.as;
  if (getsockname(fd, &a.as.any, &a.n) != 0) return false;
  return a.as.any.sa_family == AF_INET || a.as.any.sa_family == AF_INET6 ||
         a.as.any.sa_family == AF_UNIX;
}

/* NULL: it can be listened to. */
static const char *why_unfit (int fd) {
  struct stat file;
  if (wsm_fork_has_socket(fd)) return "it is in use already, by this module";
  if (fstat(fd, &file) != 0)
    return "it is not open; was the program started by what passes it on "
           "(a socket unit of systemd, systemd-socket-activate)?";
  if (!S_ISSOCK(file.st_mode)) return "it is no socket";
  if (!has_option(fd, SO_TYPE, SOCK_STREAM))
    return "it is no stream socket (systemd's ListenStream makes one)";
  if (!has_option(fd, SO_ACCEPTCONN, 1))
    return "it does not listen (a connection of its own is passed on with "
           "systemd's Accept=yes; this needs Accept=no)";
  if (!has_family(fd)) return "it is neither a TCP nor a Unix socket";
  return NULL;
}

bool wsm_listener_can_adopt (int fd, struct wsm_error *e) {
  const char *why = why_unfit(fd);
  if (why)
    wsm_error_set(e, WSM_REFUSED, "cannot listen on descriptor %d: %s", fd,
                  why);
  return !why;
}

static int adopt (int fd, struct wsm_error *e) {
  if (!wsm_listener_can_adopt(fd, e)) return -1;
  if (!wsm_address_set_nonblocking(fd)) {
    wsm_error_set(e, WSM_REFUSED, "cannot set descriptor %d up", fd);
    return -1;
  }
  wsm_fork_add_socket(fd);
  return fd;
}

static long number_of (const char *name) {
  const char *text = getenv(name);
  char *end;
  long n;
  if (!text || !*text) return 0;
  n = strtol(text, &end, 10);
  return *end || n < 0 || n > INT_MAX / 2 ? 0 : n;
}

int wsm_listener_inherited (void) {
  const long n = number_of("LISTEN_FDS");
  long i;
  if (number_of("LISTEN_PID") != (long)getpid()) return 0;
  for (i = 0; i < n; i++)
    if (fcntl(WSM_LISTENER_INHERITED + (int)i, F_SETFD, FD_CLOEXEC) != 0) break;
  return (int)i;
}

static int bind_address (const struct wsm_listener_options *o,
                         struct wsm_error *e) {
  struct wsm_address a;
  int fd;
  if (o->inherited > 0) return adopt(o->inherited, e);
  if (o->path) return bind_path(o, e);
  if (!o->host) fd = bind_everywhere(o);
  else if (wsm_address_numeric(&a, o->host, o->port))
    fd = bind_to(&a, o->backlog);
  else return bind_name(o, e);
  if (fd < 0) explain(e, o, errno);
  return fd;
}

static void remove_path (const struct wsm_listener *l) {
  struct stat file;
  if (l->path[0] && lstat(l->path, &file) == 0 && file.st_dev == l->device &&
      file.st_ino == l->inode)
    (void)unlink(l->path);
}

/* --- accepting --- */

static void update_polling (struct wsm_listener *l);

static void on_timer (uv_timer_t *timer) {
  struct wsm_listener *l = timer->data;
  l->backing_off = false;
  update_polling(l);
}

static void back_off (struct wsm_listener *l) {
  l->backing_off = true;
  (void)uv_poll_stop(&l->poll);
  uv_update_time(l->timer.loop);
  (void)uv_timer_start(&l->timer, on_timer, WSM_LISTENER_BACKOFF_MS, 0);
}

static int accept_one (int listening) {
  int fd;
#ifdef SOCK_NONBLOCK
  fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
  fd = accept(listening, NULL, NULL);
  if (fd >= 0 && !wsm_address_set_nonblocking(fd)) {
    close(fd);
    errno = ECONNABORTED;
    return -1;
  }
#endif
  if (fd >= 0) {
    wsm_fork_add_socket(fd);
    wsm_address_set_nodelay(fd);
  }
  return fd;
}

/* Did only this connection fail? Linux reports its pending network errors, too. */
static bool is_transient (int why) {
  switch (why) {
    case EINTR:
    case ECONNABORTED:
    case ECONNRESET:
    case EPROTO:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENOPROTOOPT:
    case ETIMEDOUT:
    case EPERM:
      return true;
    default:
      return false;
  }
}

static void on_peers (uv_poll_t *poll, int status, int events) {
  struct wsm_listener *l = poll->data;
  int burst, fd;
  (void)events;
  if (status < 0) {
    back_off(l);
    return;
  }
  /* The callee may close or pause it. */
  for (burst = 0; burst < WSM_LISTENER_BURST; burst++) {
    if (l->fd < 0 || l->paused) return;
    fd = accept_one(l->fd);
    if (fd >= 0) {
      l->accepted(l->owner, fd);
    } else if (!is_transient(errno)) {
      if (errno != EAGAIN && errno != EWOULDBLOCK) back_off(l);
      return;
    }
  }
}

static void update_polling (struct wsm_listener *l) {
  if (l->paused || l->backing_off) (void)uv_poll_stop(&l->poll);
  else if (uv_poll_start(&l->poll, UV_READABLE, on_peers) != 0) back_off(l);
}

/* --- creation --- */

static void on_closed (uv_handle_t *handle) {
  struct wsm_listener *l = handle->data;
  if (--l->handles == 0) wsm_free(l);
}

static int port_of (int fd) {
  struct wsm_address a;
  memset(&a, 0, sizeof a);
  a.n = sizeof a.as;
  if (getsockname(fd, &a.as.any, &a.n) != 0) return 0;
  return wsm_address_port(&a);
}

/* fd is closed on failure, and the path then removed. */
static struct wsm_listener *listener_new (struct uv_loop_s *uv, int fd,
                                          const char *path) {
  struct wsm_listener *l = wsm_zalloc(sizeof *l + strlen(path) + 1);
  struct stat file;
  if (!l || uv_poll_init(uv, &l->poll, fd) != 0) {
    wsm_fork_close_socket(fd);
    if (path[0]) (void)unlink(path);
    wsm_free(l);
    return NULL;
  }
  memcpy(l->path, path, strlen(path) + 1);
  if (path[0] && lstat(path, &file) == 0) {
    l->device = file.st_dev;
    l->inode = file.st_ino;
  }
  (void)uv_timer_init(uv, &l->timer); /* it cannot fail */
  l->poll.data = l->timer.data = l;
  l->handles = 2;
  l->fd = fd;
  l->port = port_of(fd);
  return l;
}

struct wsm_listener *wsm_listener_new (struct uv_loop_s *uv,
                                       const struct wsm_listener_options *o,
                                       wsm_listener_accepted *accepted,
                                       void *owner, struct wsm_error *e) {
  struct wsm_listener *l;
  int fd = bind_address(o, e);
  if (fd < 0) return NULL;
  l = listener_new(uv, fd, o->path ? o->path : "");
  if (!l) {
    wsm_error_set(e, WSM_FULL, "no memory to listen");
    return NULL;
  }
  l->accepted = accepted;
  l->owner = owner;
  update_polling(l);
  return l;
}

void wsm_listener_close (struct wsm_listener *l) {
  if (l->fd < 0) return;
  remove_path(l);
  uv_close((uv_handle_t *)&l->poll, on_closed);
  uv_close((uv_handle_t *)&l->timer, on_closed);
  wsm_fork_close_socket(l->fd);
  l->fd = -1;
}

void wsm_listener_pause (struct wsm_listener *l, bool pause) {
  if (l->fd < 0 || l->paused == pause) return;
  l->paused = pause;
  update_polling(l);
}

int wsm_listener_port (const struct wsm_listener *l) {
  return l->port;
}
