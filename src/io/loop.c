#include "io/loop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <time.h>
#include <uv.h>
#include "base/memory.h"
#include "base/keep_loaded.h"
#include "io/alarm.h"
#include "io/clock.h"
#include "io/fork.h"
#include "io/network.h"
#include "io/reactor.h"
#include "base/hidden.h"

/* A shorter wait of poll() needs no alarm: it is late by no more than that. */
#define LONG_MS 1000

#define SUSPEND_MS 1000 /* what a suspend takes, at the least */
#define GUESS_MS 4      /* others that are ready wait no longer for a poll */

struct wsm_loop {
  struct wsm_reactor *reactor;
  uv_loop_t *uv; /* the reactor's */
  struct wsm_handles handles;
  struct wsm_pool pool;
  void *storage; /* of wsm_loop_storage */
  struct wsm_loop_counters counters;
  bool corked;
  bool forked;    /* it stays with the parent */
  bool recovered; /* the machine woke up or its network came back */
  bool has_news;  /* libuv is to poll something that it does not yet */
  bool watching;  /* the network, while somebody awaits it ... */
  struct wsm_network *network; /* ... NULL: it cannot be watched */
  uint64_t polled_ms;          /* when libuv ran last */
  uint64_t due_ms;             /* of the owner's own affairs; WSM_NEVER: none */
  int64_t suspended_ms; /* the clock is so far ahead of a monotonic one */
  struct wsm_buffer scratch;
  struct wsm_test_clock *clock; /* NULL: the real one */
};

/* --- life --- */

static void set_reactor (struct wsm_loop *loop, struct wsm_reactor *reactor) {
  loop->reactor = reactor;
  loop->uv = wsm_reactor_uv(reactor);
  loop->handles.forks = wsm_fork_count;
}

struct wsm_loop *wsm_loop_new (struct wsm_error *e) {
  struct wsm_loop *loop = wsm_zalloc(sizeof *loop);
  struct wsm_reactor *reactor;
  if (!loop) {
    wsm_error_set(e, WSM_FULL, "no memory for a loop");
    return NULL;
  }
  wsm_keep_loaded();
  wsm_fork_watch();
  reactor = wsm_reactor_take(e);
  if (!reactor) {
    wsm_free(loop);
    return NULL;
  }
  set_reactor(loop, reactor);
  loop->due_ms = WSM_NEVER;
  wsm_loop_refresh(loop);
  loop->recovered = false;
  return loop;
}

/* Only while somebody awaits it. */
static void watch_network (struct wsm_loop *loop) {
  const bool wanted = loop->handles.awaiting > 0;
  if (wanted == loop->watching) return;
  loop->watching = wanted;
  if (loop->network) wsm_network_close(loop->network);
  loop->network = wanted ? wsm_network_watch(loop->uv, &loop->recovered) : NULL;
}

/* With new mask keys: the parent has the old ones, too. */
static bool renew (struct wsm_loop *loop) {
  struct wsm_error e;
  struct wsm_reactor *fresh = wsm_reactor_take(&e);
  if (!fresh) return false;
  wsm_reactor_give_back(loop->reactor);
  set_reactor(loop, fresh);
  wsm_free(loop->storage);
  loop->storage = NULL;
  return true;
}

bool wsm_loop_is_ours (struct wsm_loop *loop) {
  if (loop->handles.forks == wsm_fork_count) return true;
  if (loop->forked) return false;
  loop->handles.alarm = NULL;
  wsm_loop_set_bell(loop, NULL);
  if (loop->network) wsm_network_forget(loop->network);
  loop->network = NULL;
  wsm_handles_leave(&loop->handles);
  if (!loop->handles.all && renew(loop)) return true;
  loop->forked = true;
  wsm_handles_forked(&loop->handles);
  return false;
}

void wsm_loop_free (struct wsm_loop *loop) {
  (void)wsm_loop_is_ours(loop);
  wsm_loop_set_bell(loop, NULL);
  wsm_handles_close(&loop->handles);
  watch_network(loop);
  if (loop->handles.alarm) wsm_alarm_set(loop->handles.alarm, WSM_NEVER, 0);
  wsm_reactor_give_back(loop->reactor);
  wsm_buffer_clear(&loop->scratch);
  wsm_pool_free(&loop->pool);
  wsm_free(loop->storage);
  wsm_free(loop);
}

/* --- the clock --- */

int64_t wsm_loop_time_of_day (void) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return 0;
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t wsm_loop_now (const struct wsm_loop *loop) {
  return loop->handles.now_ms;
}

/* A suspend shows in the time since the last look. */
static void look_for_suspend (struct wsm_loop *loop, uint64_t now) {
  const int64_t suspended = (int64_t)(now - wsm_clock_awake_ms());
  if (suspended - loop->suspended_ms >= SUSPEND_MS) loop->recovered = true;
  loop->suspended_ms = suspended;
}

uint64_t wsm_loop_refresh (struct wsm_loop *loop) {
  const uint64_t now = wsm_clock_read_ms(loop->clock);
  if (now - loop->handles.now_ms >= SUSPEND_MS && !loop->clock)
    look_for_suspend(loop, now);
  loop->handles.now_ms = now;
  return now;
}

void wsm_loop_set_clock (struct wsm_loop *loop, struct wsm_test_clock *clock) {
  loop->clock = clock;
}

bool wsm_loop_attach (struct wsm_loop *loop, struct wsm_handle *h,
                      const struct wsm_handle_calls *calls) {
  if (!wsm_handles_add(&loop->handles, h)) return false;
  h->loop = loop;
  h->calls = calls;
  return true;
}

int64_t wsm_loop_ready (struct wsm_loop *loop) {
  const struct wsm_handle *h = wsm_handles_next_ready(&loop->handles);
  return h ? h->id : 0;
}

/* --- a turn --- */

/* Until libuv's next timer; -1: it has none. */
static int uv_timeout (const struct wsm_loop *loop) {
  if (uv_backend_timeout(loop->uv) <= 0) return uv_backend_timeout(loop->uv);
  uv_update_time(loop->uv);
  return uv_backend_timeout(loop->uv);
}

/* For poll(): until then, or until libuv's next timer. */
static int poll_timeout (const struct wsm_loop *loop, uint64_t until) {
  const uint64_t now = wsm_loop_now(loop);
  const int uv = uv_timeout(loop);
  uint64_t ms = until != WSM_NEVER ? until - now : WSM_NEVER;
  if (uv >= 0 && (uint64_t)uv < ms) ms = (uint64_t)uv;
  return ms == WSM_NEVER ? -1 : ms < INT_MAX ? (int)ms : INT_MAX;
}

/* A long wait has an alarm, too: poll() does not count a suspend. */
static void set_alarm (struct wsm_loop *loop, uint64_t until) {
  const uint64_t now = wsm_loop_now(loop);
  struct wsm_alarm *alarm;
  if (until == WSM_NEVER || until - now < LONG_MS) return;
  alarm = wsm_reactor_alarm(loop->reactor);
  if (alarm) wsm_alarm_set_latest(alarm, until, now);
}

/* Before a deadline is judged libuv says what has come. */
static void poll_now (struct wsm_loop *loop) {
  const uint64_t now = wsm_loop_now(loop);
  if (now - loop->polled_ms < GUESS_MS &&
      now < wsm_handles_deadline(&loop->handles) &&
      wsm_reactor_guess(loop->reactor))
    return;
  loop->polled_ms = now;
  loop->counters.polls++;
  wsm_reactor_run(loop->reactor);
}

/* libuv itself would wait on after a signal, Ctrl-C too. false: there was one, and
** its handler may want Lua to run. */
static bool wait (struct wsm_loop *loop, uint64_t until) {
  struct pollfd backend;
  int ms;
  set_alarm(loop, until);
  ms = poll_timeout(loop, until);
  backend.fd = uv_backend_fd(loop->uv);
  backend.events = POLLIN;
  if (ms != 0 && poll(&backend, 1, ms) < 0 && errno == EINTR) return false;
  wsm_loop_refresh(loop);
  poll_now(loop);
  return true;
}

/* For what is on its way between two sockets of this process: the further the jump,
** the more a wrong one would change. */
static int settle_ms (uint64_t jump) {
  const uint64_t ms = jump / 100;
  return ms < 1 ? 1 : ms < 10 ? (int)ms : 10;
}

/* The same on a clock that stands still: where nothing comes it jumps. */
static bool wait_frozen (struct wsm_loop *loop, uint64_t until) {
  struct pollfd backend;
  const uint64_t now = wsm_loop_now(loop);
  const int uv = uv_timeout(loop);
  int ms = until == WSM_NEVER ? uv : settle_ms(until - now), found;
  if (uv >= 0 && uv < ms) ms = uv;
  backend.fd = uv_backend_fd(loop->uv);
  backend.events = POLLIN;
  found = poll(&backend, 1, ms);
  if (found < 0 && errno == EINTR) return false;
  if (found == 0 && ms != uv && until != WSM_NEVER)
    loop->clock->frozen_ms = until;
  wsm_loop_refresh(loop);
  wsm_reactor_run(loop->reactor);
  return true;
}

static uint64_t wait_end (const struct wsm_loop *loop, uint64_t end) {
  const uint64_t deadline = wsm_handles_deadline(&loop->handles);
  return deadline < end ? deadline : end;
}

static bool has_work (const struct wsm_loop *loop) {
  return loop->handles.first_ready || loop->handles.pending || loop->recovered;
}

static bool may_wait (const struct wsm_loop *loop, uint64_t until) {
  if (has_work(loop) || until <= wsm_loop_now(loop)) return false;
  return until != WSM_NEVER || uv_loop_alive(loop->uv);
}

/* libuv may return early for reasons of its own: then the wait goes on. */
static void run (struct wsm_loop *loop, int64_t wait_ms) {
  const uint64_t end = wait_ms < 0 ? WSM_NEVER
                                   : wsm_loop_now(loop) + (uint64_t)wait_ms;
  uint64_t until = wait_end(loop, end);
  bool waiting = true;
  if (!may_wait(loop, until)) poll_now(loop);
  while (waiting && may_wait(loop, until)) {
    waiting = loop->clock && loop->clock->frozen ? wait_frozen(loop, until)
                                                 : wait(loop, until);
    until = wait_end(loop, end);
  }
}

static void tell_recovered (struct wsm_loop *loop) {
  if (!loop->recovered) return;
  loop->recovered = false;
  wsm_handles_recovered(&loop->handles);
}

/* For a host; once a turn, after all that follows from it. */
static void arm (struct wsm_loop *loop) {
  int64_t timeout;
  uint64_t now;
  if (!loop->handles.alarm || loop->handles.corked) return;
  timeout = wsm_loop_timeout(loop);
  now = wsm_loop_now(loop);
  wsm_alarm_set(loop->handles.alarm,
                timeout < 0 ? WSM_NEVER : now + (uint64_t)timeout, now);
}

void wsm_loop_turn (struct wsm_loop *loop, int64_t wait_ms) {
  loop->handles.turning = true;
  wsm_handles_rung(&loop->handles);
  loop->has_news = false;
  loop->counters.turns++;
  wsm_loop_refresh(loop);
  wsm_handles_flush(&loop->handles, true);
  run(loop, wait_ms);
  wsm_loop_refresh(loop);
  tell_recovered(loop);
  wsm_handles_run_timers(&loop->handles, wsm_loop_now(loop));
  wsm_handles_flush(&loop->handles, false);
  watch_network(loop);
  loop->handles.turning = false;
  arm(loop);
}

/* --- in another event loop --- */

static uint64_t host_deadline (const struct wsm_loop *loop) {
  const uint64_t timer = wsm_handles_deadline(&loop->handles),
                 flush = wsm_handles_flush_deadline(&loop->handles),
                 deadline = flush < timer ? flush : timer;
  return loop->due_ms < deadline ? loop->due_ms : deadline;
}

int64_t wsm_loop_timeout (struct wsm_loop *loop) {
  const uint64_t now = wsm_loop_refresh(loop), deadline = host_deadline(loop);
  int64_t uv = uv_timeout(loop);
  int64_t ours = -1;
  if (loop->handles.first_ready || loop->recovered || loop->has_news) return 0;
  if (deadline != WSM_NEVER)
    ours = deadline <= now ? 0 : (int64_t)(deadline - now);
  if (!uv_loop_alive(loop->uv)) uv = -1;
  if (uv < 0 || ours < 0) return uv < 0 ? ours : uv;
  return uv < ours ? uv : ours;
}

int wsm_loop_fd (struct wsm_loop *loop) {
  loop->handles.alarm = wsm_reactor_alarm(loop->reactor);
  if (!loop->handles.alarm) return -1;
  arm(loop);
  return uv_backend_fd(loop->uv);
}

/* Outside of a turn. */
static void plan (struct wsm_loop *loop) {
  const struct wsm_handles *all = &loop->handles;
  if (all->turning) return;
  if (all->bell && !all->corked && wsm_loop_timeout(loop) == 0 &&
      wsm_handles_ring(&loop->handles))
    return;
  arm(loop);
}

void wsm_loop_due (struct wsm_loop *loop, uint64_t at_ms) {
  loop->due_ms = at_ms;
  plan(loop);
}

void wsm_loop_news (struct wsm_loop *loop) {
  if (!loop->handles.turning) loop->has_news = true;
  plan(loop);
}

void wsm_loop_set_bell (struct wsm_loop *loop, struct wsm_bell *bell) {
  struct wsm_handles *all = &loop->handles;
  if (all->bell) all->bell->handles = NULL;
  all->bell = bell;
  if (bell) bell->handles = all;
  else arm(loop);
}

bool wsm_loop_is_hosted (const struct wsm_loop *loop) {
  return loop->handles.alarm != NULL;
}

/* --- what its users need --- */

void wsm_loop_cork (struct wsm_loop *loop, bool corked) {
  loop->corked = corked;
  if (!corked) wsm_handles_flush(&loop->handles, false);
  loop->handles.corked = corked;
  if (!corked) arm(loop);
}

bool wsm_loop_is_corked (const struct wsm_loop *loop) {
  return loop->corked || loop->handles.turning;
}

struct uv_loop_s *wsm_loop_uv (struct wsm_loop *loop) {
  return loop->uv;
}

struct wsm_pool *wsm_loop_pool (struct wsm_loop *loop) {
  return &loop->pool;
}

struct wsm_sockets *wsm_loop_sockets (struct wsm_loop *loop) {
  return wsm_reactor_sockets(loop->reactor);
}

struct wsm_buffer wsm_loop_take_scratch (struct wsm_loop *loop) {
  const struct wsm_buffer taken = loop->scratch;
  memset(&loop->scratch, 0, sizeof loop->scratch);
  return taken;
}

void wsm_loop_give_scratch (struct wsm_loop *loop, struct wsm_buffer *scratch) {
  if (loop->scratch.data || scratch->size > WSM_SCRATCH_SIZE) {
    wsm_buffer_clear(scratch);
    return;
  }
  scratch->start = scratch->end = 0;
  loop->scratch = *scratch;
}

struct wsm_handle *wsm_loop_handles (const struct wsm_loop *loop) {
  return loop->handles.all;
}

struct wsm_loop_counters *wsm_loop_counters (struct wsm_loop *loop) {
  return &loop->counters;
}

void *wsm_loop_storage (struct wsm_loop *loop, size_t size) {
  if (!loop->storage) loop->storage = wsm_zalloc(size);
  return loop->storage;
}
