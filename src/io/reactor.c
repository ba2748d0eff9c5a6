#include "io/reactor.h"

#include <fcntl.h>
#include <libwebsockets.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>
#include "base/memory.h"
#include "io/alarm.h"
#include "io/fork.h"
#include "io/lookup_results.h"
#include "io/resolve.h"
#include "io/socket.h"
#include "base/hidden.h"

#if LWS_LIBRARY_VERSION_MAJOR < 4
#error "libwebsockets 4.0 or later is needed"
#endif
#if !defined(LWS_ROLE_RAW_FILE)
#error "libwebsockets with its role raw-file is needed"
#endif

#define DESCRIPTORS_LIMIT 262144 /* libwebsockets' tables are not larger */
#define VHOST "wsmanager"

struct wsm_reactor {
  uv_loop_t uv;
  struct lws_context *context;
  struct wsm_sockets sockets;
  struct wsm_lookup_results results;
  struct wsm_alarm *alarm; /* NULL: nobody has asked for it */
  uv_idle_t *idle;         /* libwebsockets'; NULL: it has none */
  unsigned forks; /* wsm_fork_count: the processes before share its epoll */
  struct wsm_reactor *next;
};

/* Of all threads; contexts are made under it, too: libwebsockets has globals. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct wsm_reactor *idle;
static struct wsm_reactor *unusable; /* reachable, for leak detectors */

static void before_fork (void) {
  pthread_mutex_lock(&lock);
}

static void after_fork (void) {
  pthread_mutex_unlock(&lock);
}

static void prepare_process (void) {
  (void)pthread_atfork(before_fork, after_fork, after_fork);
  lws_set_log_level(0, NULL);
}

/* --- creation --- */

/* Its tables have RLIMIT_NOFILE entries and are filled with zeros; under an
** unlimited one they would be gigabytes. With a limit of ours it looks sockets
** up one by one, so we name one only then. */
static unsigned descriptors_limit (uint64_t *fd_limit) {
  struct rlimit limit;
  *fd_limit = UINT64_MAX;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur > DESCRIPTORS_LIMIT) return DESCRIPTORS_LIMIT;
  *fd_limit = limit.rlim_cur;
  return 0;
}

static struct lws_context *create_context (struct wsm_reactor *r) {
  struct lws_context_creation_info info;
  void *loops[1];
  loops[0] = &r->uv;
  memset(&info, 0, sizeof info);
  info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
  info.foreign_loops = loops;
  info.fd_limit_per_thread = descriptors_limit(&r->sockets.fd_limit);
  return lws_create_context(&info);
}

/* libwebsockets opens some without it: its netlink socket, in 4.3. */
static void close_on_exec (uv_handle_t *handle, void *nothing) {
  uv_os_fd_t fd;
  (void)nothing;
  if (uv_handle_get_type(handle) == UV_POLL && uv_fileno(handle, &fd) == 0)
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void find_idle (uv_handle_t *handle, void *reactor) {
  struct wsm_reactor *r = reactor;
  if (uv_handle_get_type(handle) == UV_IDLE) r->idle = (uv_idle_t *)handle;
}

static struct lws_vhost *create_vhost (struct lws_context *context) {
  struct lws_context_creation_info info;
  memset(&info, 0, sizeof info);
  info.port = CONTEXT_PORT_NO_LISTEN;
  info.vhost_name = VHOST;
  info.protocols = wsm_socket_protocols();
#if defined(LWS_ROLE_H1) || defined(LWS_ROLE_H2)
  info.http_proxy_address = ""; /* or it reads http_proxy */
#endif
  return lws_create_vhost(context, &info);
}

static void note_closing (uv_handle_t *handle, void *any) {
  if (uv_is_closing(handle)) *(bool *)any = true;
}

/* The callbacks of what was closed free its memory. */
static void finish_closing (uv_loop_t *uv) {
  bool any = true;
  while (any) {
    uv_run(uv, UV_RUN_NOWAIT);
    any = false;
    uv_walk(uv, note_closing, &any);
  }
}

static void discard (struct wsm_reactor *r) {
  finish_closing(&r->uv);
  if (uv_loop_close(&r->uv) == 0) {
    wsm_free(r);
    return;
  }
  r->next = unusable;
  unusable = r;
}

static struct wsm_reactor *create (struct wsm_error *e) {
  struct wsm_reactor *r = wsm_zalloc(sizeof *r);
  if (!r) {
    wsm_error_set(e, WSM_FULL, "no memory for a loop");
    return NULL;
  }
  if (uv_loop_init(&r->uv) != 0) {
    wsm_free(r);
    wsm_error_set(e, WSM_REFUSED,
                  "libuv could not make a loop; are there "
                  "descriptors left (ulimit -n)?");
    return NULL;
  }
  r->forks = wsm_fork_count;
  r->context = create_context(r);
  if (r->context) {
    uv_walk(&r->uv, close_on_exec, NULL);
    uv_walk(&r->uv, find_idle, r);
    wsm_resolve_prepare(&r->results, &r->uv);
    return r;
  }
  discard(r);
  wsm_error_set(e, WSM_REFUSED,
                "libwebsockets %s could not start on libuv; is "
                "its libuv plug-in installed (Debian: apt-get install "
                "libwebsockets-evlib-uv)?",
                lws_get_library_version());
  return NULL;
}

/* --- reuse --- */

/* Has its table an entry for each descriptor that may come? */
static bool is_large_enough (const struct wsm_reactor *r) {
  uint64_t fd_limit;
  (void)descriptors_limit(&fd_limit);
  return r->sockets.fd_limit >= fd_limit;
}

static void drop_inherited (void) {
  struct wsm_reactor **at = &idle;
  while (*at) {
    struct wsm_reactor *r = *at;
    if (r->forks == wsm_fork_count) {
      at = &r->next;
    } else {
      *at = r->next;
      r->next = unusable;
      unusable = r;
    }
  }
}

static struct wsm_reactor *take_idle (void) {
  struct wsm_reactor **at = &idle, *r;
  drop_inherited();
  while (*at && !is_large_enough(*at)) at = &(*at)->next;
  r = *at;
  if (r) *at = r->next;
  return r;
}

static void keep (struct wsm_reactor *r) {
  struct wsm_reactor **list = r->forks == wsm_fork_count ? &idle : &unusable;
  r->next = *list;
  *list = r;
}

struct wsm_reactor *wsm_reactor_take (struct wsm_error *e) {
  struct wsm_reactor *r;
  pthread_once(&once, prepare_process);
  pthread_mutex_lock(&lock);
  r = take_idle();
  if (!r) r = create(e);
  if (r && !r->sockets.vhost) r->sockets.vhost = create_vhost(r->context);
  if (r && !r->sockets.vhost) {
    keep(r);
    r = NULL;
    wsm_error_set(e, WSM_FULL, "no memory for a loop");
  }
  pthread_mutex_unlock(&lock);
  if (r) uv_update_time(&r->uv);
  return r;
}

void wsm_reactor_give_back (struct wsm_reactor *r) {
  if (r->forks == wsm_fork_count) finish_closing(&r->uv);
  pthread_mutex_lock(&lock);
  keep(r);
  pthread_mutex_unlock(&lock);
}

struct wsm_alarm *wsm_reactor_alarm (struct wsm_reactor *r) {
  if (!r->alarm) r->alarm = wsm_alarm_new(&r->uv);
  return r->alarm;
}

/* libuv tells the kernel what has changed when it polls the next time. Its list of
** that is empty when it points to itself; anything else counts as a change. */
static bool has_changed_polls (const uv_loop_t *uv) {
  const void *list = &uv->watcher_queue, *first;
  memcpy(&first, list, sizeof first);
  return first != list;
}

bool wsm_reactor_guess (struct wsm_reactor *r) {
  return uv_backend_timeout(&r->uv) != 0 && !has_changed_polls(&r->uv) &&
         wsm_sockets_guess(&r->sockets);
}

void wsm_reactor_run (struct wsm_reactor *r) {
  r->sockets.wants_run = false;
  uv_run(&r->uv, UV_RUN_NOWAIT);
  wsm_sockets_polled(&r->sockets);
  if (r->sockets.wants_run) return;
  if (r->idle && uv_is_active((uv_handle_t *)r->idle)) uv_idle_stop(r->idle);
}

struct uv_loop_s *wsm_reactor_uv (struct wsm_reactor *r) {
  return &r->uv;
}

struct wsm_sockets *wsm_reactor_sockets (struct wsm_reactor *r) {
  return &r->sockets;
}
