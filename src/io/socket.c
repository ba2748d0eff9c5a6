#include "io/socket.h"

#include <errno.h>
#include <libwebsockets.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>
#include "base/host_port.h"
#include "base/memory.h"
#include "base/hidden.h"

#define PROTOCOL "wsmanager"

struct wsm_socket {
  struct lws *wsi;
  const struct wsm_socket_calls *calls;
  void *owner; /* NULL: hears nothing more */
  int fd;
  bool inside;  /* one of its calls is under way */
  bool doomed;  /* closed inside one */
  bool writing; /* the call is `writable` */
  bool asked;   /* inside it: it is to come again */
  bool dry;     /* the last read found nothing */
  bool ended;   /* no read will find anything any more */
  bool reset;   /* a call said that the connection is broken */
};

/* Of a connection that is broken nobody may have asked yet. */
static bool was_reset (const struct wsm_socket *s) {
  int error = 0;
  socklen_t size = sizeof error;
  if (s->reset) return true;
  return getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error;
}

/* What the peer sent before it reset the connection is still to be had, by one
** that rests, too: it is no more than the kernel holds. */
static void drain (struct wsm_socket *s) {
  s->inside = true;
  s->dry = s->ended;
  while (s->owner && !s->dry) {
    s->dry = true;
    s->calls->readable(s->owner);
  }
}

static void lose (struct wsm_socket *s, struct lws *wsi) {
  bool reset;
  drain(s);
  reset = was_reset(s);
  lws_set_opaque_user_data(wsi, NULL);
  if (s->owner) s->calls->lost(s->owner, reset);
  wsm_free(s);
}

/* What libwebsockets should do after a call: -1 hangs up. */
static int leave (struct wsm_socket *s) {
  s->inside = false;
  return s->doomed || s->ended ? -1 : 0;
}

static int read_from (struct wsm_socket *s) {
  s->inside = true;
  if (s->owner) s->calls->readable(s->owner);
  return leave(s);
}

/* After this call libwebsockets stops waiting, whatever was asked inside it:
** its timer asks again, at once. */
static int write_to (struct wsm_socket *s) {
  s->inside = s->writing = true;
  s->asked = false;
  if (s->owner) s->calls->writable(s->owner);
  s->writing = false;
  if (s->asked) lws_set_timer_usecs(s->wsi, 1);
  return leave(s);
}

static int on_event (struct lws *wsi, enum lws_callback_reasons reason,
                     void *user, void *in, size_t len) {
  struct wsm_socket *s = lws_get_opaque_user_data(wsi);
  (void)user;
  (void)in;
  (void)len;
  if (!s) return 0;
  switch (reason) {
    case LWS_CALLBACK_RAW_RX_FILE:
      return read_from(s);
    case LWS_CALLBACK_RAW_WRITEABLE_FILE:
      return write_to(s);
    case LWS_CALLBACK_TIMER:
      lws_callback_on_writable(wsi);
      return 0;
    case LWS_CALLBACK_RAW_CLOSE_FILE:
      lose(s, wsi);
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

/* Refused in the middle a raw file would stay with libwebsockets, descriptor
** and all; so what it has no place for is not offered. */
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
    close(fd);
    wsm_error_set(e, WSM_FULL, "no memory for a connection");
    return NULL;
  }
  s->fd = fd;
  s->calls = calls;
  s->owner = owner;
  s->wsi = adopt(sockets, fd);
  if (s->wsi) {
    /* what came before, on the way to a refusal, too, is nobody's event */
    lws_set_opaque_user_data(s->wsi, s);
    return s;
  }
  close(fd);
  wsm_free(s);
  wsm_error_set(e, WSM_REFUSED, "libwebsockets takes no more connections");
  return NULL;
}

size_t wsm_socket_read (struct wsm_socket *s, void *to, size_t n) {
  ssize_t got;
  do got = recv(s->fd, to, n, 0);
  while (got < 0 && errno == EINTR);
  s->dry = got <= 0;
  if (got > 0) return (size_t)got;
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return 0;
  s->ended = true;
  if (got < 0) s->reset = true;
  return 0;
}

long wsm_socket_write (struct wsm_socket *s, const void *bytes, size_t n) {
  size_t taken = 0;
  while (taken < n) {
    ssize_t done =
      send(s->fd, (const char *)bytes + taken, n - taken, MSG_NOSIGNAL);
    if (done >= 0) {
      taken += (size_t)done;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      wsm_socket_ask(s);
      break;
    } else if (errno != EINTR) {
      s->reset = true;
      wsm_socket_rest(s, false); /* or its end would not be read */
      return -1;
    }
  }
  return (long)taken;
}

void wsm_socket_pass (struct wsm_socket *s,
                      const struct wsm_socket_calls *calls) {
  s->calls = calls;
}

void wsm_socket_ask (struct wsm_socket *s) {
  s->asked = true;
  if (!s->writing) lws_callback_on_writable(s->wsi);
}

void wsm_socket_finish (struct wsm_socket *s) {
  shutdown(s->fd, SHUT_WR);
  wsm_socket_rest(s, false);
}

void wsm_socket_rest (struct wsm_socket *s, bool rest) {
  lws_rx_flow_control(s->wsi, rest ? 0 : 1);
}

void wsm_socket_close (struct wsm_socket *s) {
  s->owner = NULL;
  s->doomed = true;
  if (!s->inside)
    lws_set_timeout(s->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
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
    uv_ip6_name(in, text, sizeof text);
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
  close(fd);
}
