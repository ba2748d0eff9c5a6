#include "io/connect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>
#include "base/host_port.h"
#include "base/memory.h"
#include "io/address.h"
#include "io/demoted.h"
#include "io/fork.h"
#include "io/hosts.h"
#include "io/resolve.h"
#include "base/hidden.h"

#define LIST_SIZE 160   /* the addresses tried, in words */
#define LIST_MORE 16    /* of these, for "; and 62 more" */
#define TARGET_ROOM 200 /* of a detail, for the list and the target */

struct attempt {
  uv_poll_t poll;
  struct wsm_connect *connect;
  struct wsm_address to;
  int fd;    /* -1: not started, or over */
  int error; /* errno of its failure */
};

struct wsm_connect {
  uv_timer_t timer;       /* the next attempt, or the failure of the last */
  wsm_connect_done *done; /* NULL: over, its handles are closing */
  void *owner;
  struct wsm_resolve *resolve;
  struct attempt *attempts;
  size_t count, next, pending;
  size_t handles; /* not closed yet; the last one frees it */
  int port;
  const struct wsm_demoted *demoted;
  struct wsm_error error;
  char target[]; /* "host:port" or the path, for errors */
};

static void drop_handle (struct wsm_connect *c) {
  if (--c->handles > 0) return;
  wsm_free(c->attempts);
  wsm_free(c);
}

static void on_timer_closed (uv_handle_t *timer) {
  drop_handle(timer->data);
}

static void on_poll_closed (uv_handle_t *poll) {
  drop_handle(((struct attempt *)poll->data)->connect);
}

/* Returns the descriptor, which libuv does not use any more. */
static int attempt_stop (struct attempt *a) {
  int fd = a->fd;
  a->fd = -1;
  a->connect->pending--;
  uv_close((uv_handle_t *)&a->poll, on_poll_closed);
  return fd;
}

static void release (struct wsm_connect *c) {
  size_t i;
  if (c->resolve) wsm_resolve_cancel(c->resolve);
  c->resolve = NULL;
  for (i = 0; i < c->count; i++)
    if (c->attempts[i].fd >= 0)
      wsm_fork_close_socket(attempt_stop(&c->attempts[i]));
  uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

static void finish (struct wsm_connect *c, int fd) {
  wsm_connect_done *done = c->done;
  c->done = NULL;
  release(c);
  done(c->owner, fd, &c->error);
}

/* --- the error --- */

static bool any_failed (const struct wsm_connect *c, int why) {
  size_t i;
  for (i = 0; i < c->count; i++)
    if (c->attempts[i].error == why) return true;
  return false;
}

static size_t write_reason (const struct attempt *a, char to[LIST_SIZE]) {
  char text[INET6_ADDRSTRLEN], reason[WSM_ERROR_TEXT_SIZE];
  wsm_address_text(&a->to, text, sizeof text);
  wsm_address_error_text(a->error, reason, sizeof reason);
  return (size_t)snprintf(to, LIST_SIZE, "%s%s%s%s",
                          a == a->connect->attempts ? "" : "; ", text,
                          text[0] ? ": " : "", reason);
}

static void write_reasons (const struct wsm_connect *c, char to[LIST_SIZE]) {
  char entry[LIST_SIZE];
  size_t used = 0, i;
  to[0] = '\0';
  for (i = 0; i < c->count; i++) {
    size_t n = write_reason(&c->attempts[i], entry);
    if (used + n >= LIST_SIZE - LIST_MORE) break;
    memcpy(to + used, entry, n + 1);
    used += n;
  }
  if (i < c->count)
    snprintf(to + used, LIST_MORE, "; and %d more", (int)(c->count - i));
}

static void explain_fds (struct wsm_connect *c, int why) {
  char reason[WSM_ERROR_TEXT_SIZE];
  wsm_address_error_text(why, reason, sizeof reason);
  wsm_error_set(&c->error, WSM_REFUSED, "connection to %.120s failed: %s",
                c->target, reason);
}

static void explain (struct wsm_connect *c) {
  char list[LIST_SIZE];
  bool refused = any_failed(c, ECONNREFUSED);
  if (any_failed(c, EMFILE)) {
    explain_fds(c, EMFILE);
  } else if (any_failed(c, ENFILE)) {
    explain_fds(c, ENFILE);
  } else {
    write_reasons(c, list);
    wsm_error_set(&c->error, WSM_REFUSED, "connection to %.*s %s (%s)%s",
                  TARGET_ROOM - (int)strlen(list), c->target,
                  refused ? "refused" : "failed", list,
                  refused || any_failed(c, ENOENT) ? "; is the server running?"
                                                   : "");
  }
}

/* --- the race --- */

static void advance (struct wsm_connect *c);

static void on_timer (uv_timer_t *timer) {
  struct wsm_connect *c = timer->data;
  if (c->next < c->count) {
    advance(c);
  } else if (c->pending == 0) {
    if (c->error.token == WSM_NONE) explain(c);
    finish(c, -1);
  }
}

/* The loop's time may be that of its last turn. */
static void set_timer (struct wsm_connect *c, uint64_t after_ms) {
  uv_update_time(c->timer.loop);
  (void)uv_timer_start(&c->timer, on_timer, after_ms, 0);
}

/* TCP connects an ephemeral port to itself when nobody listens there. */
static bool is_self_connect (int fd) {
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
  if (why == 0 && is_self_connect(a->fd)) return ECONNREFUSED;
  return why;
}

static void on_writable (uv_poll_t *poll, int status, int events) {
  struct attempt *a = poll->data;
  struct wsm_connect *c = a->connect;
  int fd;
  (void)events;
  a->error = attempt_outcome(a, status);
  fd = attempt_stop(a);
  if (a->error == 0) {
    wsm_address_set_nodelay(fd);
    finish(c, fd);
  } else {
    wsm_fork_close_socket(fd);
    advance(c);
  }
}

static int attempt_connect (struct attempt *a) {
  a->fd = wsm_address_socket(&a->to);
  if (a->fd < 0) return errno;
  if (connect(a->fd, &a->to.as.any, a->to.n) == 0) return 0;
  return errno == EINPROGRESS || errno == EINTR ? 0 : errno;
}

static int attempt_watch (struct attempt *a) {
  int code = uv_poll_init(a->connect->timer.loop, &a->poll, a->fd);
  if (code != 0) return -code;
  a->poll.data = a;
  a->connect->handles++;
  code = uv_poll_start(&a->poll, UV_WRITABLE, on_writable);
  if (code != 0) uv_close((uv_handle_t *)&a->poll, on_poll_closed);
  return -code;
}

static bool attempt_start (struct attempt *a) {
  a->error = attempt_connect(a);
  if (a->error == 0) a->error = attempt_watch(a);
  if (a->error == 0) {
    a->connect->pending++;
    return true;
  }
  if (a->fd >= 0) wsm_fork_close_socket(a->fd);
  a->fd = -1;
  return false;
}

/* RFC 8305 5: the next attempt begins when one fails or time has passed. */
static void advance (struct wsm_connect *c) {
  bool started = false;
  while (!started && c->next < c->count)
    started = attempt_start(&c->attempts[c->next++]);
  if (started && c->next < c->count) set_timer(c, WSM_CONNECT_STAGGER_MS);
  else if (c->pending == 0) set_timer(c, 0);
}

static void race (struct wsm_connect *c, struct wsm_address *to, size_t n) {
  size_t i;
  wsm_demoted_order(c->demoted, to, n);
  c->attempts = wsm_zalloc(n * sizeof *c->attempts);
  if (!c->attempts) {
    wsm_error_set(&c->error, WSM_FULL, "no memory to connect to %.200s",
                  c->target);
    set_timer(c, 0);
    return;
  }
  c->count = n;
  for (i = 0; i < n; i++) {
    c->attempts[i].connect = c;
    c->attempts[i].to = to[i];
    c->attempts[i].fd = -1;
  }
  advance(c);
}

/* --- the target --- */

static void on_resolved (void *owner, const struct addrinfo *list,
                         const struct wsm_error *e) {
  struct wsm_connect *c = owner;
  struct wsm_address to[WSM_ADDRESS_LIMIT];
  size_t n = wsm_address_sort(to, list, c->port);
  c->resolve = NULL;
  if (n > 0) {
    race(c, to, n);
    return;
  }
  c->error = *e;
  if (e->token == WSM_NONE)
    wsm_error_set(&c->error, WSM_RESOLVE,
                  "%.150s has neither an IPv4 nor an IPv6 address", c->target);
  set_timer(c, 0);
}

static void connect_to_host (struct wsm_connect *c, const char *host) {
  struct wsm_address to[WSM_ADDRESS_LIMIT];
  struct wsm_resolve_request request;
  size_t n = wsm_address_numeric(to, host, c->port) ? 1 : 0;
  if (n == 0) n = wsm_hosts_find(to, host, c->port);
  if (n > 0) {
    race(c, to, n);
    return;
  }
  request.host = host;
  request.done = on_resolved;
  request.owner = c;
  c->resolve = wsm_resolve_start(c->timer.loop, &request, &c->error);
  if (!c->resolve) set_timer(c, 0);
}

static void connect_to_path (struct wsm_connect *c, const char *path) {
  struct wsm_address to;
  if (wsm_address_unix(&to, path)) {
    race(c, &to, 1);
    return;
  }
  wsm_error_final(&c->error, WSM_REFUSED,
                  "path of a socket is too long (%d bytes, at most %d)",
                  (int)strlen(path), (int)sizeof to.as.local.sun_path - 1);
  set_timer(c, 0);
}

static struct wsm_connect *connect_new (struct uv_loop_s *uv,
                                        const struct wsm_connect_options *o) {
  const char *name = o->path ? o->path : o->host;
  size_t n = strlen(name) + WSM_HOST_PORT_EXTRA;
  struct wsm_connect *c = wsm_zalloc(sizeof *c + n);
  if (!c) return NULL;
  if (o->path) memcpy(c->target, name, strlen(name) + 1);
  else wsm_host_port_write(c->target, n, wsm_span_of(name), o->port);
  c->port = o->port;
  c->demoted = o->demoted;
  (void)uv_timer_init(uv, &c->timer); /* it cannot fail */
  c->timer.data = c;
  c->handles = 1;
  return c;
}

struct wsm_connect *wsm_connect_start (struct uv_loop_s *uv,
                                       const struct wsm_connect_options *o,
                                       wsm_connect_done *done, void *owner) {
  struct wsm_connect *c = connect_new(uv, o);
  if (!c) return NULL;
  c->done = done;
  c->owner = owner;
  if (o->path) connect_to_path(c, o->path);
  else connect_to_host(c, o->host);
  return c;
}

size_t wsm_connect_choices (const struct wsm_connect *c) {
  return c->count;
}

void wsm_connect_cancel (struct wsm_connect *c) {
  if (!c->done) return;
  c->done = NULL;
  release(c);
}
