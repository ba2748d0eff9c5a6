#include "stream/socket_stream.h"

#include "base/memory.h"
#include "io/loop.h"
#include "io/socket.h"
#include "base/hidden.h"

struct socket_stream {
  struct wsm_stream stream;
  struct wsm_socket *socket; /* NULL: it is gone */
  struct wsm_loop *loop;
  uint64_t written, received;
  size_t no_memory; /* for so many bytes: the connection cannot go on */
  size_t rest;      /* once it is lost: what the peer had not acknowledged */
};

static struct socket_stream *of (struct wsm_stream *s) {
  return (struct socket_stream *)(void *)s; /* its first member */
}

/* --- its owner's side --- */

static void start (struct wsm_stream *s) {
  wsm_stream_enter(s);
  wsm_stream_tell_opened(s);
  wsm_stream_leave(s);
}

static size_t read_from (struct wsm_stream *s, struct wsm_buffer *to,
                         size_t n) {
  struct socket_stream *x = of(s);
  unsigned char *at = wsm_buffer_reserve(to, n);
  if (!at) {
    x->no_memory = n;
    return 0;
  }
  wsm_loop_counters(x->loop)->reads++;
  n = wsm_socket_read(x->socket, at, n);
  wsm_buffer_commit(to, n);
  x->received += n;
  return n;
}

static size_t write_to (struct wsm_stream *s, const void *bytes, size_t n) {
  struct socket_stream *x = of(s);
  long taken = x->socket ? wsm_socket_write(x->socket, bytes, n) : -1;
  wsm_loop_counters(x->loop)->writes++;
  if (taken < 0) return 0;
  x->written += (size_t)taken;
  return (size_t)taken;
}

static bool finish (struct wsm_stream *s) {
  if (of(s)->socket) wsm_socket_finish(of(s)->socket);
  return true;
}

static void pause_reading (struct wsm_stream *s, bool pause) {
  if (of(s)->socket) wsm_socket_pause(of(s)->socket, pause);
}

static void want_writable (struct wsm_stream *s) {
  if (of(s)->socket) wsm_socket_want_writable(of(s)->socket);
}

static void peer (struct wsm_stream *s, char *to, size_t n) {
  if (of(s)->socket) wsm_socket_peer(of(s)->socket, to, n);
  else if (n > 0) to[0] = '\0';
}

/* Our FIN may count as one byte more than was written. */
static uint64_t acknowledged (const struct socket_stream *x) {
  const size_t rest = x->socket ? wsm_socket_unacknowledged(x->socket)
                                : x->rest;
  return rest < x->written ? x->written - rest : 0;
}

static uint64_t received (struct wsm_stream *s) {
  return of(s)->received;
}

static void look (struct wsm_stream *s, struct wsm_stream_look *to) {
  const struct socket_stream *x = of(s);
  struct wsm_socket_look found = { 0, false, false };
  if (x->socket) wsm_socket_look_at(x->socket, &found);
  to->written = x->written;
  to->acknowledged = acknowledged(x);
  to->unread = found.unread;
  to->readable = found.readable;
  to->hung_up = found.hung_up;
}

static void destroy (struct wsm_stream *s) {
  if (of(s)->socket) wsm_socket_close(of(s)->socket);
  wsm_free(s);
}

static const struct wsm_stream_class class = { .start = start,
                                               .read = read_from,
                                               .write = write_to,
                                               .finish = finish,
                                               .destroy = destroy,
                                               .pause = pause_reading,
                                               .want_writable = want_writable,
                                               .peer = peer,
                                               .received = received,
                                               .look = look };

/* --- events of its socket --- */

static void on_readable (void *owner) {
  struct socket_stream *x = owner;
  struct wsm_error e;
  wsm_stream_enter(&x->stream);
  wsm_stream_tell_readable(&x->stream);
  if (x->no_memory) {
    wsm_error_set(&e, WSM_FULL, "no memory for %zu bytes of the peer",
                  x->no_memory);
    wsm_stream_tell_lost(&x->stream, &e);
  }
  wsm_stream_leave(&x->stream);
}

static void on_writable (void *owner) {
  struct socket_stream *x = owner;
  wsm_stream_enter(&x->stream);
  wsm_stream_tell_writable(&x->stream);
  wsm_stream_leave(&x->stream);
}

static void on_lost (void *owner, bool reset) {
  struct socket_stream *x = owner;
  struct wsm_error e;
  x->rest = wsm_socket_unacknowledged(x->socket);
  x->socket = NULL;
  if (reset) wsm_error_set(&e, WSM_CLOSED, "the peer reset the connection");
  wsm_stream_enter(&x->stream);
  wsm_stream_tell_lost(&x->stream, reset ? &e : NULL);
  wsm_stream_leave(&x->stream);
}

static bool on_half_closed (void *owner) {
  struct socket_stream *x = owner;
  bool goes_on;
  wsm_stream_enter(&x->stream);
  goes_on = wsm_stream_tell_half_closed(&x->stream);
  wsm_stream_leave(&x->stream);
  return goes_on;
}

static const struct wsm_socket_calls socket_calls = { on_readable, on_writable,
                                                      on_lost, on_half_closed };

struct wsm_stream *wsm_socket_stream_new (struct wsm_loop *loop, int fd,
                                          struct wsm_error *e) {
  struct socket_stream *x = wsm_zalloc(sizeof *x);
  if (!x) {
    wsm_error_set(e, WSM_FULL, "no memory for a connection");
    wsm_socket_discard(fd);
    return NULL;
  }
  wsm_stream_init(&x->stream, &class, NULL, NULL);
  x->loop = loop;
  x->socket = wsm_socket_adopt(wsm_loop_sockets(loop), fd, &socket_calls, x, e);
  if (x->socket) return &x->stream;
  wsm_free(x);
  return NULL;
}
