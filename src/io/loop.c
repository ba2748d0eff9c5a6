#include "io/loop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <uv.h>
#include "base/memory.h"
#include "io/poll_fd.h"
#include "base/keep_loaded.h"
#include "io/socket.h"

#define FAR_MS 1000 /* an alarm that far ahead may ring a little late */
#define SLACK_MS 15 /* 2^n - 1 */

struct wsm_loop {
  uv_loop_t uv;
  struct wsm_sockets *sockets;
  struct wsm_heap heap; /* the posts' deadlines */
  struct wsm_handle *posts;
  struct wsm_handle *first_ready, *last_ready;
  struct wsm_handle *dirty, *flushing;
  struct wsm_pool pool;
  void *storage; /* of wsm_loop_storage */
  struct wsm_poll_fd *descriptor;
  struct wsm_loop_counters counters;
  int64_t last_id;
  bool corked, turning;
  unsigned char scratch[WSM_SCRATCH_SIZE];
};

/* --- life --- */

/* A resolver thread may still be at work: then the loop is left to it. */
static void let_go (struct wsm_loop *loop) {
  wsm_pool_free(&loop->pool);
  wsm_free(loop->storage);
  wsm_heap_free(&loop->heap);
  if (uv_loop_close(&loop->uv) == 0) wsm_free(loop);
}

struct wsm_loop *wsm_loop_new (struct wsm_error *e) {
  struct wsm_loop *loop = wsm_zalloc(sizeof *loop);
  if (!loop) {
    wsm_error_set(e, WSM_FULL, "no memory for a loop");
    return NULL;
  }
  if (uv_loop_init(&loop->uv) != 0) {
    wsm_free(loop);
    wsm_error_set(e, WSM_REFUSED,
                  "libuv could not make a loop; are there "
                  "descriptors left (ulimit -n)?");
    return NULL;
  }
  wsm_keep_loaded();
  loop->sockets = wsm_sockets_new(&loop->uv, e);
  if (loop->sockets) return loop;
  let_go(loop);
  return NULL;
}

void wsm_loop_free (struct wsm_loop *loop) {
  while (loop->posts) {
    struct wsm_handle *post = loop->posts;
    post->calls->lost(post);
    wsm_handle_detach(post);
  }
  if (loop->descriptor) wsm_poll_fd_free(loop->descriptor);
  wsm_sockets_free(loop->sockets);
  let_go(loop);
}

/* --- the clock --- */

uint64_t wsm_loop_now (const struct wsm_loop *loop) {
  return uv_now(&loop->uv);
}

uint64_t wsm_loop_refresh (struct wsm_loop *loop) {
  uv_update_time(&loop->uv);
  return uv_now(&loop->uv);
}

/* --- posts --- */

/* What happens outside a turn has to make the descriptor readable. */
static void touch (struct wsm_loop *loop) {
  if (loop->descriptor && !loop->turning)
    wsm_poll_fd_alarm(loop->descriptor, 0);
}

bool wsm_handle_attach (struct wsm_handle *post, struct wsm_loop *loop,
                        const struct wsm_handle_calls *calls) {
  if (!wsm_heap_set(&loop->heap, &post->timer, WSM_NEVER - 1)) return false;
  post->calls = calls;
  post->loop = loop;
  post->id = ++loop->last_id;
  post->next = loop->posts;
  if (post->next) post->next->previous = post;
  loop->posts = post;
  return true;
}

static void unlink_ready (struct wsm_handle *post) {
  struct wsm_loop *loop = post->loop;
  if (!post->ready) return;
  post->ready = false;
  if (post->previous_ready) post->previous_ready->next_ready = post->next_ready;
  else loop->first_ready = post->next_ready;
  if (post->next_ready) post->next_ready->previous_ready = post->previous_ready;
  else loop->last_ready = post->previous_ready;
  post->next_ready = post->previous_ready = NULL;
}

static bool unlink_from (struct wsm_handle **at,
                         const struct wsm_handle *post) {
  while (*at && *at != post) at = &(*at)->next_dirty;
  if (!*at) return false;
  *at = post->next_dirty;
  return true;
}

static void unlink_dirty (struct wsm_handle *post) {
  if (!post->dirty) return;
  post->dirty = false;
  if (!unlink_from(&post->loop->dirty, post))
    unlink_from(&post->loop->flushing, post);
}

void wsm_handle_detach (struct wsm_handle *post) {
  struct wsm_loop *loop = post->loop;
  if (!loop) return;
  unlink_ready(post);
  unlink_dirty(post);
  wsm_heap_remove(&loop->heap, &post->timer);
  if (post->previous) post->previous->next = post->next;
  else loop->posts = post->next;
  if (post->next) post->next->previous = post->previous;
  post->next = post->previous = NULL;
  post->loop = NULL;
}

/* Far alarms that are near each other ring in one turn: thousands of heartbeats
** wake the process up a few times. */
static uint64_t relaxed (const struct wsm_loop *loop, uint64_t deadline_ms) {
  if (deadline_ms < wsm_loop_now(loop) + FAR_MS) return deadline_ms;
  return deadline_ms | SLACK_MS;
}

/* A post keeps its place in the heap: moving it later cannot fail. */
void wsm_handle_set_timer (struct wsm_handle *post, uint64_t deadline_ms,
                           bool late) {
  struct wsm_loop *loop = post->loop;
  if (deadline_ms == WSM_NEVER) deadline_ms = WSM_NEVER - 1;
  else if (late) deadline_ms = relaxed(loop, deadline_ms);
  if (post->timer.deadline_ms == deadline_ms) return;
  wsm_heap_set(&loop->heap, &post->timer, deadline_ms);
  if (wsm_heap_first(&loop->heap) == &post->timer) touch(loop);
}

void wsm_handle_notify (struct wsm_handle *post) {
  struct wsm_loop *loop = post->loop;
  if (post->ready) return;
  post->ready = true;
  post->previous_ready = loop->last_ready;
  if (loop->last_ready) loop->last_ready->next_ready = post;
  else loop->first_ready = post;
  loop->last_ready = post;
  touch(loop);
}

void wsm_handle_mark_pending (struct wsm_handle *post) {
  struct wsm_loop *loop = post->loop;
  if (post->dirty) return;
  post->dirty = true;
  post->next_dirty = loop->dirty;
  loop->dirty = post;
  touch(loop);
}

int64_t wsm_loop_ready (struct wsm_loop *loop) {
  struct wsm_handle *post = loop->first_ready;
  if (!post) return 0;
  unlink_ready(post);
  return post->id;
}

/* --- a turn --- */

/* What is marked while this goes on is for the next time. */
static void flush (struct wsm_loop *loop, bool first) {
  loop->flushing = loop->dirty;
  loop->dirty = NULL;
  while (loop->flushing) {
    struct wsm_handle *post = loop->flushing;
    loop->flushing = post->next_dirty;
    post->dirty = false;
    post->calls->flush(post, first);
  }
}

/* A post that rings sets its next alarm; one that does not is not asked again
** in this turn. */
static void ring (struct wsm_loop *loop) {
  uint64_t now = wsm_loop_now(loop);
  struct wsm_timer *timer = wsm_heap_first(&loop->heap);
  while (timer && timer->deadline_ms <= now) {
    struct wsm_handle *post =
      (struct wsm_handle *)(void *)((char *)timer -
                                    offsetof(struct wsm_handle, timer));
    wsm_heap_set(&loop->heap, timer, WSM_NEVER - 1);
    post->calls->ring(post, now);
    timer = wsm_heap_first(&loop->heap);
  }
}

static uint64_t first_deadline (const struct wsm_loop *loop) {
  const struct wsm_timer *timer = wsm_heap_first(&loop->heap);
  return timer ? timer->deadline_ms : WSM_NEVER;
}

/* Milliseconds that poll may take until then, or until libuv has a timer. */
static int patience (const struct wsm_loop *loop, uint64_t until) {
  const uint64_t now = wsm_loop_now(loop);
  const int uv = uv_backend_timeout(&loop->uv);
  uint64_t ms = until < WSM_NEVER - 1 ? until - now : WSM_NEVER;
  if (uv >= 0 && (uint64_t)uv < ms) ms = (uint64_t)uv;
  return ms == WSM_NEVER ? -1 : ms < INT_MAX ? (int)ms : INT_MAX;
}

/* libuv itself would sleep on through a signal, and Ctrl-C with it. false: one
** came, and its handler may want Lua to go on. */
static bool wait (struct wsm_loop *loop, uint64_t until) {
  const int ms = patience(loop, until);
  struct pollfd backend;
  backend.fd = uv_backend_fd(&loop->uv);
  backend.events = POLLIN;
  if (ms != 0 && poll(&backend, 1, ms) < 0 && errno == EINTR) return false;
  uv_run(&loop->uv, UV_RUN_NOWAIT);
  return true;
}

static uint64_t next_instant (const struct wsm_loop *loop, uint64_t end) {
  const uint64_t deadline = first_deadline(loop);
  return deadline < end ? deadline : end;
}

static bool may_wait (const struct wsm_loop *loop, uint64_t until) {
  if (loop->first_ready || loop->dirty || until <= wsm_loop_now(loop))
    return false;
  return until < WSM_NEVER - 1 || uv_loop_alive(&loop->uv);
}

/* libuv may return for its own affairs: then the wait goes on. */
static void run (struct wsm_loop *loop, int64_t wait_ms) {
  const uint64_t end = wait_ms < 0 ? WSM_NEVER
                                   : wsm_loop_now(loop) + (uint64_t)wait_ms;
  uint64_t until = next_instant(loop, end);
  bool goes_on = true;
  if (!may_wait(loop, until)) uv_run(&loop->uv, UV_RUN_NOWAIT);
  while (goes_on && may_wait(loop, until)) {
    goes_on = wait(loop, until);
    until = next_instant(loop, end);
  }
}

void wsm_loop_turn (struct wsm_loop *loop, int64_t wait_ms) {
  loop->turning = true;
  loop->counters.turns++;
  wsm_loop_refresh(loop);
  flush(loop, true);
  run(loop, wait_ms);
  wsm_loop_refresh(loop);
  ring(loop);
  flush(loop, false);
  loop->turning = false;
  if (loop->descriptor)
    wsm_poll_fd_alarm(loop->descriptor, wsm_loop_timeout(loop));
}

/* --- living in another loop --- */

int64_t wsm_loop_timeout (struct wsm_loop *loop) {
  uint64_t deadline = first_deadline(loop), now = wsm_loop_refresh(loop);
  int64_t uv = uv_backend_timeout(&loop->uv);
  int64_t ours = -1;
  if (loop->first_ready || loop->dirty) return 0;
  if (deadline < WSM_NEVER - 1)
    ours = deadline <= now ? 0 : (int64_t)(deadline - now);
  if (!uv_loop_alive(&loop->uv)) uv = -1;
  if (uv < 0 || ours < 0) return uv < 0 ? ours : uv;
  return uv < ours ? uv : ours;
}

int wsm_loop_fd (struct wsm_loop *loop) {
  if (!loop->descriptor)
    loop->descriptor = wsm_poll_fd_new(uv_backend_fd(&loop->uv));
  if (!loop->descriptor) return -1;
  wsm_poll_fd_alarm(loop->descriptor, wsm_loop_timeout(loop));
  return wsm_poll_fd_get(loop->descriptor);
}

/* --- parts --- */

void wsm_loop_cork (struct wsm_loop *loop, bool corked) {
  loop->corked = corked;
  if (!corked) flush(loop, false);
}

bool wsm_loop_is_corked (const struct wsm_loop *loop) {
  return loop->corked || loop->turning;
}

struct uv_loop_s *wsm_loop_uv (struct wsm_loop *loop) {
  return &loop->uv;
}

struct wsm_pool *wsm_loop_pool (struct wsm_loop *loop) {
  return &loop->pool;
}

struct wsm_sockets *wsm_loop_sockets (struct wsm_loop *loop) {
  return loop->sockets;
}

unsigned char *wsm_loop_scratch (struct wsm_loop *loop) {
  return loop->scratch;
}

struct wsm_loop_counters *wsm_loop_count (struct wsm_loop *loop) {
  return &loop->counters;
}

void *wsm_loop_storage (struct wsm_loop *loop, size_t size) {
  if (!loop->storage) loop->storage = wsm_zalloc(size);
  return loop->storage;
}
