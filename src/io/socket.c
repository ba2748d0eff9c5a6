#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* POLLRDHUP */
#endif
#include "io/socket.h"

#include <errno.h>
#include <libwebsockets.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <uv.h>
#ifdef __linux__
#include <linux/sockios.h>
#endif
#include "base/host_port.h"
#include "base/memory.h"
#include "io/fork.h"
#include "base/hidden.h"

#define PROTOCOL "wsmanager"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* the socket has SO_NOSIGPIPE */
#endif

#if defined(POLLRDHUP)
#define PEER_ENDED POLLRDHUP
#else
#define PEER_ENDED 0
#endif

#define SURE 3 /* polls alone: a guess that fails costs a system call */

struct wsm_socket {
  struct lws *wsi;
  struct wsm_sockets *sockets;
  const struct wsm_socket_calls *calls;
  void *owner; /* NULL: closed, no more calls */
  int fd;
  bool inside;         /* one of the owner's calls is under way */
  bool closed;         /* inside one: libwebsockets closes it afterwards */
  bool inside_write;   /* the call is `writable` */
  bool writable_again; /* wanted inside it */
  bool read_empty;     /* the last read found nothing */
  bool read_all;       /* the last read found something, and left nothing */
  bool ended;          /* nothing more can be read */
  bool finished;       /* nothing more is written */
  bool reset;          /* a system call failed with it */
};

/* No system call of ours may have met the error yet. */
static bool was_reset (const struct wsm_socket *s) {
  int error = 0;
  socklen_t size = sizeof error;
  if (s->reset) return true;
  return getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error;
}

/* What the peer sent before it reset the connection is read, even while reading
** is paused: the kernel's buffer bounds it. */
static void read_remaining (struct wsm_socket *s) {
  s->inside = true;
  s->read_empty = s->ended;
  while (s->owner && !s->read_empty) {
    s->read_empty = true;
    s->calls->readable(s->owner);
  }
}

static void forget_alone (struct wsm_socket *s) {
  if (s->sockets->alone == s) s->sockets->alone = NULL;
}

static void on_close (struct wsm_socket *s, struct lws *wsi) {
  bool reset;
  forget_alone(s);
  read_remaining(s);
  reset = was_reset(s);
  lws_set_opaque_user_data(wsi, NULL);
  if (s->owner) s->calls->lost(s->owner, reset);
  wsm_fork_remove_socket(s->fd);
  wsm_free(s);
}

/* Is the end that a read met with that of the peer's side alone? */
static bool goes_on (struct wsm_socket *s) {
  return s->owner && s->calls->half_closed && !s->finished && !was_reset(s) &&
         s->calls->half_closed(s->owner);
}

static void close_now (struct wsm_socket *s) {
  lws_set_timeout(s->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

/* Returns -1 when libwebsockets is to close the socket. */
static int leave (struct wsm_socket *s) {
  if (s->ended && !s->closed && goes_on(s)) {
    s->ended = false;
    wsm_socket_pause(s, true);
  }
  s->inside = false;
  return s->closed || s->ended ? -1 : 0;
}

static int on_readable (struct wsm_socket *s) {
  s->inside = true;
  if (s->owner) s->calls->readable(s->owner);
  return leave(s);
}

/* libwebsockets forgets a request for `writable` that was made inside it; its
** timer repeats the request at once. */
static int on_writable (struct wsm_socket *s) {
  s->inside = s->inside_write = true;
  s->writable_again = false;
  if (s->owner) s->calls->writable(s->owner);
  s->inside_write = false;
  if (s->writable_again) {
    lws_set_timer_usecs(s->wsi, 1);
    s->sockets->wants_run = true;
  }
  return leave(s);
}

/* --- guesses --- */

static void count_event (struct wsm_socket *s, bool readable) {
  struct wsm_sockets *all = s->sockets;
  if (!readable || all->alone != s) all->times_alone = 0;
  all->alone = readable ? s : NULL;
  all->events++;
}

void wsm_sockets_polled (struct wsm_sockets *all) {
  if (all->events > 1) all->alone = NULL;
  else if (all->events == 1 && all->times_alone < SURE) all->times_alone++;
  all->events = 0;
}

bool wsm_sockets_guess (struct wsm_sockets *all) {
  struct wsm_socket *s = all->alone;
  bool found;
  if (!s || all->times_alone < SURE) return false;
  s->read_all = false;
  s->inside = true;
  s->calls->readable(s->owner);
  found = s->read_all;
  if (!found) all->alone = NULL;
  if (leave(s) != 0) close_now(s);
  return found;
}

/* --- events --- */

static int on_event (struct lws *wsi, enum lws_callback_reasons reason,
                     void *user, void *in, size_t len) {
  struct wsm_socket *s = lws_get_opaque_user_data(wsi);
  (void)user;
  (void)in;
  (void)len;
  if (!s) return 0;
  switch (reason) {
    case LWS_CALLBACK_RAW_RX_FILE:
      count_event(s, true);
      return on_readable(s);
    case LWS_CALLBACK_RAW_WRITEABLE_FILE:
      count_event(s, false);
      return on_writable(s);
    case LWS_CALLBACK_TIMER:
      lws_callback_on_writable(wsi);
      return 0;
    case LWS_CALLBACK_RAW_CLOSE_FILE:
      on_close(s, wsi);
      return 0;
    default:
      return 0;
  }
}

static const struct lws_protocols protocols[] = {
  { .name = PROTOCOL, .callback = on_event }, { .name = NULL }
};

const struct lws_protocols *wsm_socket_protocols (void) {
  return protocols;
}

/* libwebsockets keeps a raw file that it cannot adopt: a descriptor that its table
** has no entry for is not offered. */
static struct lws *adopt (struct wsm_sockets *sockets, int fd) {
  lws_sock_file_fd_type descriptor;
  if ((uint64_t)fd >= sockets->fd_limit) return NULL;
  descriptor.filefd = fd;
  return lws_adopt_descriptor_vhost(sockets->vhost, LWS_ADOPT_RAW_FILE_DESC,
                                    descriptor, PROTOCOL, NULL);
}

struct wsm_socket *wsm_socket_adopt (struct wsm_sockets *sockets, int fd,
                                     const struct wsm_socket_calls *calls,
                                     void *owner, struct wsm_error *e) {
  struct wsm_socket *s = wsm_zalloc(sizeof *s);
  if (!s) {
    wsm_fork_close_socket(fd);
    wsm_error_set(e, WSM_FULL, "no memory for a connection");
    return NULL;
  }
  s->fd = fd;
  s->sockets = sockets;
  s->calls = calls;
  s->owner = owner;
  s->wsi = adopt(sockets, fd);
  if (s->wsi) {
    /* not before: the events of a failed adoption have no socket */
    lws_set_opaque_user_data(s->wsi, s);
    return s;
  }
  wsm_fork_close_socket(fd);
  wsm_free(s);
  wsm_error_set(e, WSM_REFUSED, "libwebsockets takes no more connections");
  return NULL;
}

size_t wsm_socket_read (struct wsm_socket *s, void *to, size_t n) {
  ssize_t got;
  do got = recv(s->fd, to, n, 0);
  while (got < 0 && errno == EINTR);
  s->read_empty = got <= 0;
  s->read_all = got > 0 && (size_t)got < n;
  if (got > 0) return (size_t)got;
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return 0;
  s->ended = true;
  if (got < 0) s->reset = true;
  return 0;
}

long wsm_socket_write (struct wsm_socket *s, const void *bytes, size_t n) {
  size_t written = 0;
  while (written < n) {
    ssize_t done =
      send(s->fd, (const char *)bytes + written, n - written, MSG_NOSIGNAL);
    if (done >= 0) {
      written += (size_t)done;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      wsm_socket_want_writable(s);
      break;
    } else if (errno != EINTR) {
      s->reset = true; /* found by reading on, or by a look at a paused one */
      return -1;
    }
  }
  return (long)written;
}

void wsm_socket_want_writable (struct wsm_socket *s) {
  s->writable_again = true;
  if (!s->inside_write) lws_callback_on_writable(s->wsi);
}

void wsm_socket_finish (struct wsm_socket *s) {
  s->finished = true;
  shutdown(s->fd, SHUT_WR);
  wsm_socket_pause(s, false);
}

void wsm_socket_pause (struct wsm_socket *s, bool pause) {
  if (pause) forget_alone(s);
  lws_rx_flow_control(s->wsi, pause ? 0 : 1);
}

size_t wsm_socket_unacknowledged (const struct wsm_socket *s) {
  int n = 0;
#if defined(SIOCOUTQ)
  if (ioctl(s->fd, SIOCOUTQ, &n) != 0) n = 0;
#elif defined(FIONWRITE)
  if (ioctl(s->fd, FIONWRITE, &n) != 0) n = 0;
#elif defined(SO_NWRITE)
  socklen_t size = sizeof n;
  if (getsockopt(s->fd, SOL_SOCKET, SO_NWRITE, &n, &size) != 0) n = 0;
#endif
  return n > 0 ? (size_t)n : 0;
}

void wsm_socket_look_at (const struct wsm_socket *s,
                         struct wsm_socket_look *look) {
  struct pollfd poller;
  int n = 0;
  memset(&poller, 0, sizeof poller);
  poller.fd = s->fd;
  poller.events = POLLIN | PEER_ENDED;
  if (poll(&poller, 1, 0) < 0) poller.revents = 0;
  if (ioctl(s->fd, FIONREAD, &n) != 0) n = 0;
  look->unread = n > 0 ? (size_t)n : 0;
  look->hung_up = (poller.revents & (PEER_ENDED | POLLHUP | POLLERR)) != 0;
  look->readable = look->hung_up || (poller.revents & POLLIN) != 0;
}

void wsm_socket_close (struct wsm_socket *s) {
  forget_alone(s);
  s->owner = NULL;
  s->closed = true;
  if (!s->inside) close_now(s);
}

/* A peer that came over IPv4 to a socket of IPv6: its IPv4 address (RFC 4291
** 2.5.5.2). */
static void write_ipv6 (const struct sockaddr_in6 *in, char *to, size_t n) {
  const unsigned char *bytes = in->sin6_addr.s6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&in->sin6_addr))
    snprintf(to, n, "%u.%u.%u.%u", bytes[12], bytes[13], bytes[14], bytes[15]);
  else uv_ip6_name(in, to, n);
}

static void write_address (const struct sockaddr_storage *a, char *to,
                           size_t n) {
  char text[INET6_ADDRSTRLEN] = "unix";
  int port = -1;
  if (a->ss_family == AF_INET) {
    const struct sockaddr_in *in = (const void *)a;
    uv_ip4_name(in, text, sizeof text);
    port = ntohs(in->sin_port);
  } else if (a->ss_family == AF_INET6) {
    const struct sockaddr_in6 *in = (const void *)a;
    write_ipv6(in, text, sizeof text);
    port = ntohs(in->sin6_port);
  }
  wsm_host_port_write(to, n, wsm_span_of(text), port);
}

void wsm_socket_peer (const struct wsm_socket *s, char *to, size_t n) {
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  memset(&address, 0, sizeof address);
  if (getpeername(s->fd, (struct sockaddr *)&address, &size) == 0)
    write_address(&address, to, n);
  else snprintf(to, n, "gone");
}

void wsm_socket_discard (int fd) {
  wsm_fork_close_socket(fd);
}
