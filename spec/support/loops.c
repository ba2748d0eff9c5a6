/*
** loops.c - opens and closes loops in threads, beside a thread that opens files
** loops LOOPS THREADS: each thread opens and closes so many loops, and has names
** looked up meanwhile, some of them abandoned. Prints how many files were closed
** by somebody else, how many descriptors the first loop leaves, how many the
** others do, whether a forked child shares a loop with its parent, and how many
** lookups gave no answer. Depends on io/loop.h and io/resolve.h.
*/
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>
#include "io/loop.h"
#include "io/resolve.h"

#define LOOKUPS 6 /* at a time, by a loop */
#define MAX_THREADS 16
#define FILES 32 /* open at a time */

static int loops, stop, unanswered;

/* No name server is asked. */
int getaddrinfo (const char *name, const char *service,
                 const struct addrinfo *hints, struct addrinfo **list) {
  int i;
  (void)service;
  (void)hints;
  (void)list;
  for (i = 0; i < name[0]; i++) sched_yield();
  return EAI_NONAME;
}

static int count_descriptors (void) {
  int fd, count = 0;
  for (fd = 0; fd < 1024; fd++)
    if (fcntl(fd, F_GETFD) >= 0) count++;
  return count;
}

static void on_resolved (void *answered, const struct addrinfo *list,
                         const struct wsm_error *e) {
  if (!list && e->token == WSM_RESOLVE) ++*(int *)answered;
}

/* Half of them are abandoned, some before and some after a thread began. */
static void look_up (struct wsm_loop *loop) {
  static const char *const names[] = { "a", "b", "A" };
  struct wsm_resolve *all[LOOKUPS];
  int i, turns, answered = 0;
  for (i = 0; i < LOOKUPS; i++) {
    struct wsm_resolve_request request;
    struct wsm_error e;
    request.host = names[i % 3];
    request.done = on_resolved;
    request.owner = &answered;
    all[i] = wsm_resolve_start(wsm_loop_uv(loop), &request, &e);
    if (!all[i]) exit(2);
    if (i % 4 == 1) sched_yield();
    if (i % 2 == 1) wsm_resolve_cancel(all[i]);
  }
  for (turns = 0; answered < LOOKUPS / 2 && turns < 10000; turns++)
    wsm_loop_turn(loop, 10);
  if (answered != LOOKUPS / 2)
    __atomic_fetch_add(&unanswered, 1, __ATOMIC_RELAXED);
}

/* The descriptor that libuv polls. */
static int open_and_close (void) {
  struct wsm_error e;
  struct wsm_loop *loop = wsm_loop_new(&e);
  int backend;
  if (!loop) {
    fprintf(stderr, "%s\n", e.detail);
    exit(2);
  }
  backend = uv_backend_fd(wsm_loop_uv(loop));
  wsm_loop_turn(loop, 0);
  look_up(loop);
  wsm_loop_free(loop);
  return backend;
}

/* What is open here stays open in a child: its own loop has another number. */
static int child_shares (int backend) {
  int status = -1;
  const pid_t child = fork();
  if (child == 0) _exit(open_and_close() == backend);
  if (child > 0) waitpid(child, &status, 0);
  return status != 0;
}

static void *open_loops (void *unused) {
  int i;
  for (i = 0; i < loops; i++) open_and_close();
  return unused;
}

static int is_own (int fd, dev_t device) {
  struct stat file;
  return fstat(fd, &file) == 0 && file.st_rdev == device;
}

/* Keeps some files open, so that a number that is freed is soon one of theirs;
** closes the oldest for a new one. */
static void *open_files (void *lost) {
  int fds[FILES] = { 0 }, i;
  struct stat file;
  if (stat("/dev/null", &file) != 0) exit(2);
  for (i = 0; i < FILES; i++) fds[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i = (i + 1) % FILES) {
    const int old = fds[i];
    fds[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (is_own(old, file.st_rdev)) close(old);
    else ++*(int *)lost;
    sched_yield();
  }
  for (i = 0; i < FILES; i++) close(fds[i]);
  return NULL;
}

static int run_threads (int count) {
  pthread_t files, threads[MAX_THREADS];
  int i, lost = 0;
  if (pthread_create(&files, NULL, open_files, &lost) != 0) exit(2);
  for (i = 0; i < count; i++)
    if (pthread_create(&threads[i], NULL, open_loops, NULL) != 0) exit(2);
  for (i = 0; i < count; i++) pthread_join(threads[i], NULL);
  __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
  pthread_join(files, NULL);
  return lost;
}

int main (int n, char **arguments) {
  const int threads = n > 2 ? atoi(arguments[2]) : 0;
  int none, first, backend, lost, shared;
  if (threads < 1 || threads > MAX_THREADS) return 2;
  loops = atoi(arguments[1]);
  none = count_descriptors();
  backend = open_and_close();
  first = count_descriptors();
  shared = child_shares(backend);
  lost = run_threads(threads);
  printf("files lost: %d\nfirst loop: %d\nothers: %d\nshared: %s\n", lost,
         first - none, count_descriptors() - first, shared ? "yes" : "no");
  printf("unanswered: %d\n", unanswered);
  return 0;
}
