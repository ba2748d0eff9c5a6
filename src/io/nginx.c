#define _GNU_SOURCE /* RTLD_DEFAULT */
#include "io/nginx.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include "base/memory.h"
#include "io/loop.h"
#include "base/hidden.h"

/* The beginning of ngx_event_t. */
struct event {
  void *data;
  unsigned bits;
  int available;
  void (*handler)(struct event *ev);
  uintptr_t index;
  void *log;
};

/* The beginning of ngx_connection_t. */
struct connection {
  void *data;
  struct event *read, *write;
  int fd;
};

/* The beginning of ngx_event_actions_t. */
struct actions {
  intptr_t (*add)(struct event *ev, intptr_t event, uintptr_t flags);
  intptr_t (*del)(struct event *ev, intptr_t event, uintptr_t flags);
};

/* The beginning of ngx_cycle_t. */
struct cycle {
  void **conf_ctx; /* of each module of the core */
  void *pool, *log;
};

/* The beginning of ngx_module_t. */
struct module {
  uintptr_t ctx_index, index;
};

/* The beginning of ngx_http_lua_sema_t. */
struct semaphore {
  void *waiting[2], *chain[2];
  struct event event;
};

#define WRITE 1u          /* of an event's bits */
#define INSTANCE 4u       /* differs from use to use of a connection */
#define ACTIVE 8u         /* it is in epoll */
#define FRESH 0xd0d0d0d0u /* the index of an event that is not in use */
#define USE_EPOLL 0x40u   /* of ngx_event_flags */
#define READ_EVENT 0x2001 /* NGX_READ_EVENT: EPOLLIN | EPOLLRDHUP */

/* What is found by its name. */
struct exports {
  struct connection *(*get_connection)(int fd, void *log);
  void (*close_connection)(struct connection *c);
  int (*post)(void *semaphore, int n);
  const struct actions *actions;
  const uintptr_t *flags;
  struct cycle *const volatile *cycle;
  const volatile uintptr_t *exiting;
};

struct wsm_nginx {
  struct wsm_bell bell; /* first */
  struct wsm_loop *loop;
  struct exports nginx;
  struct connection *connection;
  void *semaphore;
};

static bool find (void *to, const char *name) {
  void *const symbol = dlsym(RTLD_DEFAULT, name);
  memcpy(to, &symbol, sizeof symbol);
  return symbol != NULL;
}

/* Only in a worker there is a loop. */
static bool find_all (struct exports *x) {
  return find(&x->get_connection, "ngx_get_connection") &&
         find(&x->close_connection, "ngx_close_connection") &&
         find(&x->post, "ngx_http_lua_ffi_sema_post") &&
         find(&x->actions, "ngx_event_actions") &&
         find(&x->flags, "ngx_event_flags") && find(&x->cycle, "ngx_cycle") &&
         find(&x->exiting, "ngx_exiting") && *x->cycle && x->actions->add &&
         (*x->flags & USE_EPOLL);
}

/* The semaphore's event is in use: in it each field has a value that we know. */
static bool is_known_semaphore (const struct semaphore *s, const void *log) {
  return s->event.data == s && s->event.handler && s->event.log == log;
}

static bool is_fresh (const struct event *ev, const struct connection *c) {
  return ev && ev->data == c && !ev->available && !ev->handler &&
         ev->index == FRESH && !ev->log;
}

/* A connection that nobody has used yet. */
static bool is_known (const struct connection *c, int fd) {
  return c->fd == fd && is_fresh(c->read, c) && is_fresh(c->write, c) &&
         (c->read->bits & ~INSTANCE) == 0 &&
         c->write->bits == (c->read->bits | WRITE);
}

static void on_readable (struct event *ev) {
  const struct connection *c = ev->data;
  const struct wsm_nginx *n = c->data;
  n->nginx.post(n->semaphore, 1);
}

/* nginx leaves it to close() to take a descriptor out of epoll, which a duplicate
** prevents. */
static void end_watch (struct wsm_nginx *n) {
  n->nginx.actions->del(n->connection->read, READ_EVENT, 0);
}

static bool begin_watch (struct wsm_nginx *n) {
  struct connection *c = n->connection;
  c->data = n;
  c->read->handler = on_readable;
  c->read->log = c->write->log = (*n->nginx.cycle)->log;
  if (n->nginx.actions->add(c->read, READ_EVENT, 0) != 0) return false;
  if ((c->read->bits & ACTIVE) && !(c->write->bits & ACTIVE)) return true;
  end_watch(n);
  return false;
}

/* Takes a connection of nginx for fd, which nginx closes from now on. One that is
** not known stays taken: nothing of it is touched. */
static bool connect_to (struct wsm_nginx *n, int fd) {
  n->connection = n->nginx.get_connection(fd, (*n->nginx.cycle)->log);
  if (n->connection && is_known(n->connection, fd)) {
    if (begin_watch(n)) return true;
    n->nginx.close_connection(n->connection);
  } else {
    close(fd);
  }
  return false;
}

static bool start (struct wsm_nginx *n, int fd) {
  if (!find_all(&n->nginx) ||
      !is_known_semaphore(n->semaphore, (*n->nginx.cycle)->log))
    return false;
  fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  return fd >= 0 && connect_to(n, fd);
}

/* Those who wait for the semaphore run in the same round of nginx's loop; of a worker
** that exits, Lua may run between two rounds, and the next begins with a wait. */
static bool ring (struct wsm_bell *bell) {
  const struct wsm_nginx *n = (const struct wsm_nginx *)(const void *)bell;
  if (*n->nginx.exiting) return false;
  n->nginx.post(n->semaphore, 1);
  return true;
}

struct wsm_nginx *wsm_nginx_watch (struct wsm_loop *loop, void *semaphore,
                                   struct wsm_error *e) {
  struct wsm_nginx *n = wsm_zalloc(sizeof *n);
  if (!n) {
    wsm_error_set(e, WSM_FULL, "no memory to be watched by nginx");
    return NULL;
  }
  n->semaphore = semaphore;
  if (start(n, wsm_loop_fd(loop))) {
    n->loop = loop;
    n->bell.ring = ring;
    wsm_loop_set_bell(loop, &n->bell);
    return n;
  }
  wsm_free(n);
  wsm_error_set(e, WSM_REFUSED,
                "this nginx is not one whose epoll can be used from outside");
  return NULL;
}

void wsm_nginx_free (struct wsm_nginx *n) {
  if (n->bell.handles) wsm_loop_set_bell(n->loop, NULL);
  end_watch(n);
  n->nginx.close_connection(n->connection);
  wsm_free(n);
}

/* It is asked for with a ngx_conf_t, of which nothing but the field `ctx` is read:
** all fields of this one are that. */
void *wsm_nginx_shared_state (void) {
  void *(*get)(void *conf);
  const struct module *http;
  struct cycle *const volatile *cycle;
  void *conf[32], *ctx;
  size_t i;
  if (!find(&get, "ngx_http_lua_get_global_state") ||
      !find(&http, "ngx_http_module") || !find(&cycle, "ngx_cycle") || !*cycle)
    return NULL;
  ctx = (*cycle)->conf_ctx ? (*cycle)->conf_ctx[http->index] : NULL;
  for (i = 0; i < sizeof conf / sizeof *conf; i++) conf[i] = ctx;
  return ctx ? get(conf) : NULL;
}
