#include "io/signal.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <uv.h>
#include "base/memory.h"
#include "io/fork.h"
#include "io/handle.h"
#include "io/loop.h"
#include "base/hidden.h"

#define MOST 64 /* numbers of signals are below */

struct wsm_signal {
  struct wsm_handle handle; /* first */
  uv_signal_t uv;
  unsigned count; /* since it was taken */
  int number;
  bool once;
  bool active;    /* among those of its number */
  bool inherited; /* from before a fork */
  bool closing;   /* libuv's handle is: nothing is told any more */
  bool closed;    /* and was; freed when it is released, too */
  bool released;  /* by its owner */
  struct wsm_signal *next, *previous;
};

/* Of all threads. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct wsm_signal *all;
static sigset_t mask; /* of the thread that forks */
static struct {
  unsigned active;         /* how many watch it */
  bool saved;              /* somebody else's before is here: */
  struct sigaction before; /* what the signal did */
} states[MOST];

static const struct {
  const char *name;
  int number;
} names[] = { { "SIGHUP", SIGHUP },    { "SIGINT", SIGINT },
              { "SIGQUIT", SIGQUIT },  { "SIGTERM", SIGTERM },
              { "SIGUSR1", SIGUSR1 },  { "SIGUSR2", SIGUSR2 },
              { "SIGCONT", SIGCONT },  { "SIGTSTP", SIGTSTP },
              { "SIGWINCH", SIGWINCH } };

int wsm_signal_number (const char *name) {
  size_t i;
  for (i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i].name, name) == 0) return names[i].number;
  return 0;
}

/* --- a fork --- */

/* A signal that comes to the child early waits until it is the child's own. */
static void before_fork (void) {
  sigset_t every;
  pthread_mutex_lock(&lock);
  sigfillset(&every);
  (void)pthread_sigmask(SIG_SETMASK, &every, &mask);
}

static void after_fork (void) {
  const sigset_t before = mask;
  pthread_mutex_unlock(&lock);
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void set_default (int number) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  (void)sigaction(number, &action, NULL);
}

/* libuv's handler in a child would tell the loop of the parent. */
static void enter_child (void) {
  struct wsm_signal *s;
  int number;
  for (s = all; s; s = s->next) s->inherited = true;
  for (number = 1; number < MOST; number++) {
    if (states[number].active == 0) continue;
    if (states[number].saved) sigaction(number, &states[number].before, NULL);
    else set_default(number);
    states[number].active = 0;
    states[number].saved = false;
  }
  after_fork();
}

static void prepare_process (void) {
  (void)pthread_atfork(before_fork, after_fork, enter_child);
}

static void unlink_signal (struct wsm_signal *s) {
  if (s->previous) s->previous->next = s->next;
  else all = s->next;
  if (s->next) s->next->previous = s->previous;
  s->next = s->previous = NULL;
}

/* Under the lock, in a child: libuv forgets them before it is asked for another one. */
static void forget_inherited (void) {
  struct wsm_signal *s = all;
  while (s) {
    struct wsm_signal *next = s->next;
    if (s->inherited) {
      (void)uv_signal_stop(&s->uv);
      unlink_signal(s);
    }
    s = next;
  }
}

/* --- what a signal does --- */

static void on_signal (uv_signal_t *uv, int number) {
  struct wsm_signal *s = uv->data;
  (void)number;
  if (s->closing) return;
  s->count++;
  wsm_handle_notify(&s->handle);
}

static bool is_handler (const struct sigaction *action) {
  return action->sa_handler != SIG_DFL || action->sa_flags & SA_SIGINFO;
}

static bool same_handler (const struct sigaction *a,
                          const struct sigaction *b) {
  return a->sa_handler == b->sa_handler;
}

/* What was there before the first of ours, unless libuv had it already: then another
** handle of the process's libuv watches the signal, too. */
static void save_before (int number, const struct sigaction *before) {
  struct sigaction now;
  if (sigaction(number, NULL, &now) != 0) return;
  states[number].saved = is_handler(before) && !same_handler(before, &now);
  states[number].before = *before;
}

static int start_uv (struct wsm_signal *s) {
  if (s->once) return uv_signal_start_oneshot(&s->uv, on_signal, s->number);
  return uv_signal_start(&s->uv, on_signal, s->number);
}

/* Under the lock. */
static int start (struct wsm_signal *s) {
  struct sigaction before;
  int why;
  memset(&before, 0, sizeof before);
  (void)sigaction(s->number, NULL, &before);
  why = start_uv(s);
  if (why != 0) return why;
  if (states[s->number].active++ == 0) save_before(s->number, &before);
  s->active = true;
  return 0;
}

/* Under the lock. libuv leaves the default where nobody watches it any more. */
static void stop (struct wsm_signal *s) {
  struct sigaction now;
  if (!s->active || s->inherited) return;
  s->active = false;
  (void)uv_signal_stop(&s->uv);
  if (--states[s->number].active > 0 || !states[s->number].saved) return;
  states[s->number].saved = false;
  if (sigaction(s->number, NULL, &now) == 0 && !is_handler(&now))
    (void)sigaction(s->number, &states[s->number].before, NULL);
}

/* --- life --- */

static struct wsm_signal *of_handle (struct wsm_handle *h) {
  return (struct wsm_signal *)(void *)h;
}

static void on_closed (uv_handle_t *uv) {
  struct wsm_signal *s = uv->data;
  s->closed = true;
  if (s->released) wsm_free(s);
}

static void close_uv (struct wsm_signal *s) {
  if (s->closing || s->inherited) return;
  s->closing = true;
  pthread_mutex_lock(&lock);
  stop(s);
  unlink_signal(s);
  pthread_mutex_unlock(&lock);
  uv_close((uv_handle_t *)&s->uv, on_closed);
}

static void on_flush (struct wsm_handle *h, bool before_io) {
  (void)h;
  (void)before_io;
}

static void on_loop_closed (struct wsm_handle *h) {
  close_uv(of_handle(h));
}

static void on_forked (struct wsm_handle *h) {
  (void)h;
}

static const struct wsm_handle_calls handle_calls = { NULL, on_flush,
                                                      on_loop_closed, on_forked,
                                                      NULL };

static int begin (struct wsm_signal *s) {
  int why;
  pthread_mutex_lock(&lock);
  forget_inherited();
  why = start(s);
  s->next = all;
  if (all) all->previous = s;
  all = s;
  pthread_mutex_unlock(&lock);
  return why;
}

static struct wsm_signal *fail (struct wsm_error *e, int why) {
  wsm_error_set(e, why == UV_ENOMEM ? WSM_FULL : WSM_REFUSED,
                "the signal cannot be watched: %s", uv_strerror(why));
  return NULL;
}

/* On the loop, with libuv's handle; it watches nothing yet. */
static struct wsm_signal *create (struct wsm_loop *loop, struct wsm_error *e) {
  struct wsm_signal *s = wsm_zalloc(sizeof *s);
  int why;
  if (!s || !wsm_loop_attach(loop, &s->handle, &handle_calls)) {
    wsm_free(s);
    return fail(e, UV_ENOMEM);
  }
  s->handle.forkable = true;
  why = uv_signal_init(wsm_loop_uv(loop), &s->uv);
  if (why == 0) {
    s->uv.data = s;
    return s;
  }
  wsm_handle_detach(&s->handle);
  wsm_free(s);
  return fail(e, why);
}

struct wsm_signal *wsm_signal_new (struct wsm_loop *loop, int number,
                                   bool is_once, struct wsm_error *e) {
  struct wsm_signal *s;
  int why;
  (void)pthread_once(&once, prepare_process);
  s = create(loop, e);
  if (!s) return NULL;
  s->number = number;
  s->once = is_once;
  why = begin(s);
  if (why == 0) {
    /* in a turn libuv registers what it reads signals from */
    wsm_handle_mark_pending(&s->handle);
    return s;
  }
  wsm_signal_close(s);
  return fail(e, why);
}

int64_t wsm_signal_id (const struct wsm_signal *s) {
  return s->handle.id;
}

unsigned wsm_signal_take (struct wsm_signal *s) {
  const unsigned count = s->count;
  s->count = 0;
  return count;
}

void wsm_signal_rest (struct wsm_signal *s, bool rest) {
  if (s->closing || s->inherited) return;
  pthread_mutex_lock(&lock);
  if (rest) stop(s);
  else if (!s->active) (void)start(s);
  pthread_mutex_unlock(&lock);
}

/* An inherited one stays: the loop of the parent, which is kept, points to it. */
void wsm_signal_close (struct wsm_signal *s) {
  close_uv(s);
  wsm_handle_detach(&s->handle);
  s->released = true;
  if (s->closed) wsm_free(s);
}

void wsm_signal_obey (int number) {
  set_default(number);
  (void)raise(number);
}
