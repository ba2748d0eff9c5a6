#include "io/resolver.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <uv.h>
#include "base/memory.h"
#include "base/hidden.h"

/* A name with lookups that are not answered. */
struct name {
  struct name *next;       /* of all */
  struct name *next_ready; /* of those that may begin a lookup */
  bool ready;
  unsigned running;
  struct wsm_lookup *first, *last; /* those that wait */
  char text[];
};

struct wsm_lookup {
  struct wsm_lookup *next, *previous; /* that wait, or of the answers */
  struct wsm_answers *answers;        /* NULL: cancelled */
  struct name *name;                  /* NULL: answered */
  bool running;
  struct wsm_answer answer;
};

/* Of all that follows, and of each loop's answers. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct name *names;
static struct name *first_ready, *last_ready;
static unsigned threads;

/* Without AI_ADDRCONFIG, which hides localhost where there is no network. */
static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };

/* --- names --- */

static struct name *find_name (const char *text) {
  struct name *name = names;
  while (name && strcasecmp(name->text, text) != 0) name = name->next;
  return name;
}

static struct name *add_name (const char *text) {
  const size_t n = strlen(text) + 1;
  struct name *name = wsm_zalloc(sizeof *name + n);
  if (!name) return NULL;
  memcpy(name->text, text, n);
  name->next = names;
  names = name;
  return name;
}

static void unlink_ready (struct name *name) {
  struct name *before = NULL, *at = first_ready;
  if (!name->ready) return;
  name->ready = false;
  for (; at != name; at = at->next_ready) before = at;
  if (before) before->next_ready = name->next_ready;
  else first_ready = name->next_ready;
  if (last_ready == name) last_ready = before;
  name->next_ready = NULL;
}

/* After its lookups changed: enters or leaves the queue, or is freed. */
static void update_name (struct name *name) {
  struct name **at = &names;
  if (!name->first || name->running >= WSM_RESOLVER_SAME) unlink_ready(name);
  if (name->first && name->running < WSM_RESOLVER_SAME && !name->ready) {
    name->ready = true;
    if (last_ready) last_ready->next_ready = name;
    else first_ready = name;
    last_ready = name;
  }
  if (name->first || name->running > 0) return;
  while (*at != name) at = &(*at)->next;
  *at = name->next;
  wsm_free(name);
}

/* --- lookups --- */

static void append (struct wsm_lookup **first, struct wsm_lookup **last,
                    struct wsm_lookup *lookup) {
  lookup->next = NULL;
  lookup->previous = *last;
  if (*last) (*last)->next = lookup;
  else *first = lookup;
  *last = lookup;
}

static void unlink_lookup (struct wsm_lookup **first, struct wsm_lookup **last,
                           struct wsm_lookup *lookup) {
  if (lookup->previous) lookup->previous->next = lookup->next;
  else *first = lookup->next;
  if (lookup->next) lookup->next->previous = lookup->previous;
  else *last = lookup->previous;
}

static void free_lookup (struct wsm_lookup *lookup) {
  if (lookup->answer.list) freeaddrinfo(lookup->answer.list);
  wsm_free(lookup);
}

/* --- the threads --- */

static struct wsm_lookup *begin_lookup (void) {
  struct name *name = first_ready;
  struct wsm_lookup *lookup;
  if (!name) return NULL;
  lookup = name->first;
  unlink_lookup(&name->first, &name->last, lookup);
  lookup->running = true;
  name->running++;
  unlink_ready(name); /* and behind the others */
  update_name(name);
  return lookup;
}

static void end_lookup (struct wsm_lookup *lookup) {
  struct wsm_answers *answers = lookup->answers;
  lookup->running = false;
  lookup->name->running--;
  update_name(lookup->name);
  lookup->name = NULL;
  if (!answers) {
    free_lookup(lookup);
    return;
  }
  append(&answers->first, &answers->last, lookup);
  (void)uv_async_send(answers->async);
}

static void *work (void *unused) {
  struct wsm_lookup *lookup;
  pthread_mutex_lock(&lock);
  while ((lookup = begin_lookup()) != NULL) {
    struct wsm_answer *answer = &lookup->answer;
    pthread_mutex_unlock(&lock);
    answer->code = wsm_resolver_wait(lookup->name->text, &answer->list);
    pthread_mutex_lock(&lock);
    end_lookup(lookup);
  }
  threads--;
  pthread_mutex_unlock(&lock);
  return unused;
}

/* Signals are for the program's own threads. */
static bool start_thread (void) {
  pthread_attr_t detached;
  pthread_t thread;
  sigset_t all, before;
  bool started;
  if (pthread_attr_init(&detached) != 0) return false;
  (void)pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
  sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &before);
  started = pthread_create(&thread, &detached, work, NULL) == 0;
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  (void)pthread_attr_destroy(&detached);
  if (started) threads++;
  return started;
}

/* One that is at work takes what waits later. */
static bool has_thread (void) {
  if (!first_ready || threads >= WSM_RESOLVER_THREADS) return true;
  return start_thread() || threads > 0;
}

/* --- forks: a child has none of the threads --- */

static void before_fork (void) {
  pthread_mutex_lock(&lock);
}

static void after_fork (void) {
  pthread_mutex_unlock(&lock);
}

static void free_waiting (struct name *name) {
  while (name->first) {
    struct wsm_lookup *lookup = name->first;
    name->first = lookup->next;
    free_lookup(lookup);
  }
}

/* Whoever asked is a connection of the parent, which has forgotten the lookup
** (on_forked of handle.h). */
static void enter_child (void) {
  while (names) {
    struct name *name = names;
    names = name->next;
    free_waiting(name);
    wsm_free(name);
  }
  first_ready = last_ready = NULL;
  threads = 0;
  pthread_mutex_unlock(&lock);
}

static void prepare_process (void) {
  (void)pthread_atfork(before_fork, after_fork, enter_child);
}

/* --- its users --- */

static bool enqueue (struct wsm_lookup *lookup, const char *text) {
  struct name *name = find_name(text);
  if (!name) name = add_name(text);
  if (!name) return false;
  lookup->name = name;
  append(&name->first, &name->last, lookup);
  update_name(name);
  if (has_thread()) return true;
  unlink_lookup(&name->first, &name->last, lookup);
  update_name(name);
  return false;
}

struct wsm_lookup *wsm_resolver_start (struct wsm_answers *answers,
                                       const char *name, void *owner) {
  struct wsm_lookup *lookup = wsm_zalloc(sizeof *lookup);
  bool queued;
  if (!lookup) return NULL;
  lookup->answers = answers;
  lookup->answer.owner = owner;
  (void)pthread_once(&once, prepare_process);
  pthread_mutex_lock(&lock);
  queued = enqueue(lookup, name);
  pthread_mutex_unlock(&lock);
  if (queued) return lookup;
  wsm_free(lookup);
  return NULL;
}

void wsm_resolver_cancel (struct wsm_lookup *lookup) {
  struct wsm_answers *answers;
  pthread_mutex_lock(&lock);
  answers = lookup->answers;
  lookup->answers = NULL;
  if (!lookup->running) {
    struct name *name = lookup->name;
    if (name) unlink_lookup(&name->first, &name->last, lookup);
    else unlink_lookup(&answers->first, &answers->last, lookup);
    if (name) update_name(name);
    free_lookup(lookup);
  }
  pthread_mutex_unlock(&lock);
}

struct wsm_answer wsm_resolver_take (struct wsm_answers *answers) {
  struct wsm_answer answer = { NULL, NULL, 0 };
  struct wsm_lookup *lookup;
  pthread_mutex_lock(&lock);
  lookup = answers->first;
  if (lookup) unlink_lookup(&answers->first, &answers->last, lookup);
  pthread_mutex_unlock(&lock);
  if (!lookup) return answer;
  answer = lookup->answer;
  wsm_free(lookup);
  return answer;
}

int wsm_resolver_wait (const char *name, struct addrinfo **list) {
  *list = NULL;
  return getaddrinfo(name, NULL, &hints, list);
}
