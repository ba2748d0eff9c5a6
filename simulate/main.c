/* Simulated worlds: what happens in one, or what happened in many. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crowd.h"
#include "world.h"

#define MAX_JOBS 256

static const char usage[] =
  "usage: make simulate [SEED=n] [DAYS=n]       one world; it tells its story\n"
  "       make simulate SEEDS=n [DAYS=n]        n worlds, from SEED on; a sum\n"
  "       make simulate CLIENTS=n [SEED=n]      n clients, a server that "
  "restarts\n"
  "A world is random, but the same for the same SEED: one to five clients with\n"
  "options of their own, a server, and faults of all kinds. DAYS is how long it\n"
  "lasts (1). Rules that must hold are checked all the time; what does not hold\n"
  "is told, with the seed that shows it, and the exit status is 1.\n";

struct request {
  uint64_t seed, seeds, days, clients, jobs, stop;
};

/* --- what is asked for --- */

struct option {
  const char *name;
  uint64_t *value;
  uint64_t least, most;
};

static void refuse (const char *argument, const struct option *o) {
  if (o)
    fprintf(
      stderr, "simulate: %s: a whole number from %llu to %llu is needed\n",
      argument, (unsigned long long)o->least, (unsigned long long)o->most);
  else fprintf(stderr, "simulate: %s: no such argument\n", argument);
  fputs(usage, stderr);
  exit(2);
}

static void read_number (const char *argument, const struct option *o) {
  const char *text = strchr(argument, '=') + 1;
  char *end;
  errno = 0;
  *o->value = strtoull(text, &end, 10);
  if (errno || end == text || *end || *text < '0' || *text > '9' ||
      *o->value < o->least || *o->value > o->most)
    refuse(argument, o);
}

static void read_argument (const char *argument, struct request *r) {
  const struct option options[] = {
    { "SEED", &r->seed, 0, 1000000000000000 },
    { "SEEDS", &r->seeds, 1, 1000000 },
    { "DAYS", &r->days, 1, 10000 },
    { "CLIENTS", &r->clients, 100, 100000 },
    { "JOBS", &r->jobs, 1, MAX_JOBS },
    { "STOP", &r->stop, 0, 1 }, /* at the first rule that does not hold */
  };
  const size_t length = strcspn(argument, "=");
  size_t i;
  if (strcmp(argument, "--help") == 0) {
    fputs(usage, stdout);
    exit(0);
  }
  for (i = 0; i < sizeof options / sizeof *options; i++) {
    if (strncmp(argument, options[i].name, length) ||
        strlen(options[i].name) != length || argument[length] != '=')
      continue;
    if (argument[length + 1]) read_number(argument, &options[i]);
    return;
  }
  refuse(argument, NULL);
}

/* --- what happened --- */

static unsigned long long number (uint64_t n) {
  return (unsigned long long)n;
}

static void print_faults (const struct tally *t) {
  unsigned i;
  printf("faults:");
  for (i = 0; i < FAULT_KINDS; i++)
    printf("%s %s %llu", i ? "," : "", fault_name((enum fault)i),
           number(t->faults[i]));
  puts("");
}

static void print_ends (const struct tally *t) {
  unsigned i;
  printf("ends: in order %llu", number(t->ends[WSM_NONE]));
  for (i = WSM_NONE + 1; i < ENDS; i++)
    if (t->ends[i])
      printf(", %s %llu", wsm_token_name((enum wsm_token)i),
             number(t->ends[i]));
  puts("");
}

static void print_tally (const struct tally *t, double seconds) {
  printf("%llu world%s, %llu clients, %.1f simulated days in %.1f s\n",
         number(t->worlds), t->worlds == 1 ? "" : "s", number(t->clients),
         (double)t->simulated_ms / DAY_MS, seconds);
  print_faults(t);
  printf("attempts %llu, opened %llu, migrated %llu, ended for good %llu\n",
         number(t->attempts), number(t->opens), number(t->migrated),
         number(t->given_up));
  print_ends(t);
  printf("messages: sent %llu, read by the server %llu, with the kernel at an "
         "end %llu;\n  sent by the server %llu, taken %llu\n",
         number(t->sent), number(t->delivered), number(t->with_kernel),
         number(t->pushed), number(t->received));
  printf(
    "  acknowledged: sent again by the server %llu, came again and dropped "
    "%llu\n",
    number(t->resent), number(t->again));
  printf("  given up and told: expired %llu, not sent %llu, the oldest %llu\n",
         number(t->dropped[WSM_TIMEOUT]), number(t->dropped[WSM_CLOSED]),
         number(t->dropped[WSM_FULL]));
  printf(
    "lost %llu, doubled %llu, out of order %llu, other rules broken %llu\n",
    number(t->lost), number(t->doubled), number(t->disordered),
    number(t->broken - t->lost - t->doubled - t->disordered));
}

/* --- many worlds, on all cores --- */

static void run_share (const struct request *r, uint64_t first,
                       struct tally *sum) {
  uint64_t i;
  for (i = first; i < r->seeds; i += r->jobs)
    if (!world_run(r->seed + i, r->days, false, sum) && r->stop) return;
}

/* A process for each job; its tally comes through a pipe. false: it died. */
static int start_job (const struct request *r, uint64_t first) {
  int ends[2];
  struct tally sum;
  if (pipe(ends) != 0) exit(2);
  fflush(stdout);
  if (fork() == 0) {
    memset(&sum, 0, sizeof sum);
    run_share(r, first, &sum);
    fflush(stdout);
    _exit(write(ends[1], &sum, sizeof sum) == sizeof sum ? 0 : 2);
  }
  close(ends[1]);
  return ends[0];
}

static bool run_many (struct request *r, struct tally *sum) {
  int pipes[MAX_JOBS];
  struct tally one;
  uint64_t i;
  bool whole = true;
  if (r->jobs > r->seeds) r->jobs = r->seeds;
  for (i = 0; i < r->jobs; i++) pipes[i] = start_job(r, i);
  for (i = 0; i < r->jobs; i++) {
    if (read(pipes[i], &one, sizeof one) == sizeof one) tally_add(sum, &one);
    else whole = false;
    close(pipes[i]);
    wait(NULL);
  }
  if (!whole) puts("a process of the simulation ended before it was done");
  return whole && sum->broken == 0;
}

static double seconds_now (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main (int count, char **arguments) {
  struct request r = { 1, 0, 1, 0, 1, 0 };
  struct tally sum;
  const double start = seconds_now();
  bool held;
  int i;
  memset(&sum, 0, sizeof sum);
  for (i = 1; i < count; i++) read_argument(arguments[i], &r);
  if (r.clients) return crowd_run(r.seed, (unsigned)r.clients) ? 0 : 1;
  if (r.seeds) held = run_many(&r, &sum);
  else held = world_run(r.seed, r.days, true, &sum);
  print_tally(&sum, seconds_now() - start);
  return held ? 0 : 1;
}
