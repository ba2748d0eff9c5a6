#include "io/connect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>
#include "base/host_port.h"
#include "base/memory.h"
#include "io/address.h"
#include "io/resolve.h"
#include "base/hidden.h"

#define LIST_SIZE 160  /* the addresses tried, in words */
#define LIST_MORE 16   /* of these, for "; and 62 more" */
#define PLACE_ROOM 200 /* of a detail, for the list and the place */

struct attempt {
  uv_poll_t poll;
  struct wsm_connect *dial;
  struct wsm_address to;
  int fd;  /* -1: not begun, or over */
  int why; /* errno of its failure */
};

struct wsm_connect {
  uv_timer_t timer;       /* the next attempt, or the news of the last */
  wsm_connect_done *done; /* NULL: over, its handles are closing */
  void *owner;
  struct wsm_resolve *resolve;
  struct attempt *attempts;
  size_t count, next, pending;
  size_t handles; /* not closed yet; the last one frees it */
  int port;
  struct wsm_error error;
  char place[]; /* "host:port" or the path, for errors */
};

static void drop_handle (struct wsm_connect *d) {
  if (--d->handles > 0) return;
  wsm_free(d->attempts);
  wsm_free(d);
}

static void on_timer_closed (uv_handle_t *timer) {
  drop_handle(timer->data);
}

static void on_poll_closed (uv_handle_t *poll) {
  drop_handle(((struct attempt *)poll->data)->dial);
}

/* libuv forgets the descriptor at once; only the handle's memory stays. */
static int attempt_let_go (struct attempt *a) {
  int fd = a->fd;
  a->fd = -1;
  a->dial->pending--;
  uv_close((uv_handle_t *)&a->poll, on_poll_closed);
  return fd;
}

static void release (struct wsm_connect *d) {
  size_t i;
  if (d->resolve) wsm_resolve_cancel(d->resolve);
  d->resolve = NULL;
  for (i = 0; i < d->count; i++)
    if (d->attempts[i].fd >= 0) close(attempt_let_go(&d->attempts[i]));
  uv_close((uv_handle_t *)&d->timer, on_timer_closed);
}

static void finish (struct wsm_connect *d, int fd) {
  wsm_connect_done *done = d->done;
  d->done = NULL;
  release(d);
  done(d->owner, fd, &d->error);
}

/* --- the error in words --- */

static bool any_failed (const struct wsm_connect *d, int why) {
  size_t i;
  for (i = 0; i < d->count; i++)
    if (d->attempts[i].why == why) return true;
  return false;
}

static size_t write_reason (const struct attempt *a, char to[LIST_SIZE]) {
  char text[INET6_ADDRSTRLEN], reason[WSM_ERROR_TEXT_SIZE];
  wsm_address_text(&a->to, text, sizeof text);
  wsm_address_error_text(a->why, reason, sizeof reason);
  return (size_t)snprintf(to, LIST_SIZE, "%s%s%s%s",
                          a == a->dial->attempts ? "" : "; ", text,
                          text[0] ? ": " : "", reason);
}

static void write_reasons (const struct wsm_connect *d, char to[LIST_SIZE]) {
  char entry[LIST_SIZE];
  size_t used = 0, i;
  to[0] = '\0';
  for (i = 0; i < d->count; i++) {
    size_t n = write_reason(&d->attempts[i], entry);
    if (used + n >= LIST_SIZE - LIST_MORE) break;
    memcpy(to + used, entry, n + 1);
    used += n;
  }
  if (i < d->count)
    snprintf(to + used, LIST_MORE, "; and %d more", (int)(d->count - i));
}

static void explain_scarcity (struct wsm_connect *d, int why) {
  char reason[WSM_ERROR_TEXT_SIZE];
  wsm_address_error_text(why, reason, sizeof reason);
  wsm_error_set(&d->error, WSM_REFUSED, "connection to %.120s failed: %s",
                d->place, reason);
}

static void explain (struct wsm_connect *d) {
  char list[LIST_SIZE];
  bool refused = any_failed(d, ECONNREFUSED);
  if (any_failed(d, EMFILE)) {
    explain_scarcity(d, EMFILE);
  } else if (any_failed(d, ENFILE)) {
    explain_scarcity(d, ENFILE);
  } else {
    write_reasons(d, list);
    wsm_error_set(
      &d->error, WSM_REFUSED, "connection to %.*s %s (%s)%s",
      PLACE_ROOM - (int)strlen(list), d->place, refused ? "refused" : "failed",
      list, refused || any_failed(d, ENOENT) ? "; is the server running?" : "");
  }
}

/* --- the race --- */

static void advance (struct wsm_connect *d);

static void on_timer (uv_timer_t *timer) {
  struct wsm_connect *d = timer->data;
  if (d->next < d->count) {
    advance(d);
  } else if (d->pending == 0) {
    if (d->error.token == WSM_NONE) explain(d);
    finish(d, -1);
  }
}

/* The loop's time may be as old as its last turn. */
static void arm (struct wsm_connect *d, uint64_t after_ms) {
  uv_update_time(d->timer.loop);
  (void)uv_timer_start(&d->timer, on_timer, after_ms, 0);
}

/* A port of the ephemeral range can connect to itself when nobody listens. */
static bool is_own_echo (int fd) {
  struct wsm_address here, there;
  memset(&here, 0, sizeof here);
  memset(&there, 0, sizeof there);
  here.n = there.n = sizeof here.as;
  if (getsockname(fd, &here.as.any, &here.n) != 0 ||
      getpeername(fd, &there.as.any, &there.n) != 0)
    return false;
  return wsm_address_port(&here) != 0 &&
         memcmp(&here, &there, sizeof here) == 0;
}

static int attempt_outcome (const struct attempt *a, int status) {
  int why = 0;
  socklen_t n = sizeof why;
  if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &why, &n) != 0) return errno;
  if (why == 0 && status < 0) return -status;
  if (why == 0 && is_own_echo(a->fd)) return ECONNREFUSED;
  return why;
}

static void on_writable (uv_poll_t *poll, int status, int events) {
  struct attempt *a = poll->data;
  struct wsm_connect *d = a->dial;
  int fd;
  (void)events;
  a->why = attempt_outcome(a, status);
  fd = attempt_let_go(a);
  if (a->why == 0) {
    wsm_address_set_nodelay(fd);
    finish(d, fd);
  } else {
    close(fd);
    advance(d);
  }
}

static int attempt_connect (struct attempt *a) {
  a->fd = wsm_address_socket(&a->to);
  if (a->fd < 0) return errno;
  if (connect(a->fd, &a->to.as.any, a->to.n) == 0) return 0;
  return errno == EINPROGRESS || errno == EINTR ? 0 : errno;
}

static int attempt_watch (struct attempt *a) {
  int code = uv_poll_init(a->dial->timer.loop, &a->poll, a->fd);
  if (code != 0) return -code;
  a->poll.data = a;
  a->dial->handles++;
  code = uv_poll_start(&a->poll, UV_WRITABLE, on_writable);
  if (code != 0) uv_close((uv_handle_t *)&a->poll, on_poll_closed);
  return -code;
}

static bool attempt_start (struct attempt *a) {
  a->why = attempt_connect(a);
  if (a->why == 0) a->why = attempt_watch(a);
  if (a->why == 0) {
    a->dial->pending++;
    return true;
  }
  if (a->fd >= 0) close(a->fd);
  a->fd = -1;
  return false;
}

/* RFC 8305 5: the next attempt begins when one fails or time has passed. */
static void advance (struct wsm_connect *d) {
  bool begun = false;
  while (!begun && d->next < d->count)
    begun = attempt_start(&d->attempts[d->next++]);
  if (begun && d->next < d->count) arm(d, WSM_CONNECT_STAGGER_MS);
  else if (d->pending == 0) arm(d, 0);
}

static void race (struct wsm_connect *d, const struct wsm_address *to,
                  size_t n) {
  size_t i;
  d->attempts = wsm_zalloc(n * sizeof *d->attempts);
  if (!d->attempts) {
    wsm_error_set(&d->error, WSM_FULL, "no memory to connect to %.200s",
                  d->place);
    arm(d, 0);
    return;
  }
  d->count = n;
  for (i = 0; i < n; i++) {
    d->attempts[i].dial = d;
    d->attempts[i].to = to[i];
    d->attempts[i].fd = -1;
  }
  advance(d);
}

/* --- where to --- */

static void on_resolved (void *owner, const struct addrinfo *list,
                         const struct wsm_error *e) {
  struct wsm_connect *d = owner;
  struct wsm_address to[WSM_ADDRESS_LIMIT];
  size_t n = wsm_address_sort(to, list, d->port);
  d->resolve = NULL;
  if (n > 0) {
    race(d, to, n);
    return;
  }
  d->error = *e;
  if (e->token == WSM_NONE)
    wsm_error_set(&d->error, WSM_RESOLVE,
                  "%.150s has neither an IPv4 nor an IPv6 address", d->place);
  arm(d, 0);
}

static void dial_host (struct wsm_connect *d, const char *host) {
  struct wsm_address to;
  struct wsm_resolve_request order;
  if (wsm_address_numeric(&to, host, d->port)) {
    race(d, &to, 1);
    return;
  }
  order.host = host;
  order.done = on_resolved;
  order.owner = d;
  d->resolve = wsm_resolve_start(d->timer.loop, &order, &d->error);
  if (!d->resolve) arm(d, 0);
}

static void dial_path (struct wsm_connect *d, const char *path) {
  struct wsm_address to;
  if (wsm_address_unix(&to, path)) {
    race(d, &to, 1);
    return;
  }
  wsm_error_final(&d->error, WSM_REFUSED,
                  "path of a socket is too long (%d bytes, at most %d)",
                  (int)strlen(path), (int)sizeof to.as.local.sun_path - 1);
  arm(d, 0);
}

static struct wsm_connect *dial_new (struct uv_loop_s *uv,
                                     const struct wsm_connect_options *order) {
  const char *name = order->path ? order->path : order->host;
  size_t n = strlen(name) + WSM_HOST_PORT_EXTRA;
  struct wsm_connect *d = wsm_zalloc(sizeof *d + n);
  if (!d) return NULL;
  if (order->path) memcpy(d->place, name, strlen(name) + 1);
  else wsm_host_port_write(d->place, n, wsm_span_of(name), order->port);
  d->port = order->port;
  (void)uv_timer_init(uv, &d->timer); /* it cannot fail */
  d->timer.data = d;
  d->handles = 1;
  return d;
}

struct wsm_connect *wsm_connect_start (struct uv_loop_s *uv,
                                       const struct wsm_connect_options *order,
                                       wsm_connect_done *done, void *owner) {
  struct wsm_connect *d = dial_new(uv, order);
  if (!d) return NULL;
  d->done = done;
  d->owner = owner;
  if (order->path) dial_path(d, order->path);
  else dial_host(d, order->host);
  return d;
}

void wsm_connect_cancel (struct wsm_connect *dial) {
  if (!dial->done) return;
  dial->done = NULL;
  release(dial);
}
