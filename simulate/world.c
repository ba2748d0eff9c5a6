#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "application.h"
#include "base/memory.h"
#include "fates.h"
#include "faults.h"
#include "invariants.h"
#include "migration.h"
#include "model_server.h"
#include "options.h"

#define MAX_CALLS 100000 /* at one time */
#define QUIET_MS \
  3600000u /* at the end: long enough for everything to recover */

void world_later (struct world *w, uint64_t after_ms, schedule_call *call,
                  void *object) {
  struct schedule_entry entry = { 0 };
  entry.call = call;
  entry.object = object;
  schedule_at(&w->schedule, w->schedule.now_ms + after_ms, &entry);
}

/* --- what a world is like --- */

static void choose_nothing (struct client *c) {
  wsm_policy_defaults(&c->policy);
  c->policy.budget = WSM_UNBOUNDED;
  c->path.latency_ms = 20;
  c->path.rate = 1000000;
  c->path.send_room = c->path.receive_room = 65536;
}

struct wsm_manager *world_manager (struct client *c) {
  struct wsm_manager *m = malloc(sizeof *m);
  struct wsm_manager_setup setup;
  if (!m) exit(2);
  memset(&setup, 0, sizeof setup);
  setup.role = WSM_CLIENT;
  setup.policy = &c->policy;
  setup.keys = &c->world->keys;
  setup.pool = &c->world->pool;
  setup.seed = random_next(&c->random);
  wsm_manager_init(m, &setup, c->world->schedule.now_ms);
  return m;
}

static void make_client (struct world *w, unsigned number,
                         void (*choose)(struct client *)) {
  struct client *c = &w->clients[number];
  struct wsm_error e;
  c->world = c->account.world = w;
  c->number = c->account.number = number;
  c->random = random_split(&w->random);
  c->takes = true;
  c->ended_ms = c->timer_ms = c->overdue_ms = NEVER;
  c->path.schedule = &w->schedule;
  c->way = &c->path;
  choose(c);
  snprintf(c->url_text, sizeof c->url_text, "ws://example.com/%u", number);
  wsm_url_parse(&c->url, c->url_text, strlen(c->url_text), &e);
  c->request.url = &c->url;
  c->manager = world_manager(c);
}

static struct world *make_world (uint64_t seed) {
  struct world *w = calloc(1, sizeof *w);
  if (!w) exit(2);
  w->seed = w->random.state = seed;
  w->schedule.now_ms = 1000;
  random_next(&w->random);
  w->faults = random_split(&w->random);
  w->server = model_server_new(w);
  return w;
}

static void make_clients (struct world *w, unsigned count,
                          void (*choose)(struct client *)) {
  unsigned i;
  w->clients = calloc(count, sizeof *w->clients);
  if (!w->clients) exit(2);
  w->client_count = count;
  for (i = 0; i < count; i++) make_client(w, i, choose);
}

struct world *world_crowd (uint64_t seed, unsigned clients) {
  struct world *w = make_world(seed);
  make_clients(w, clients, choose_nothing);
  w->end_ms = NEVER;
  return w;
}

/* --- its life --- */

static void on_look (void *object, uint64_t value) {
  struct world *w = object;
  unsigned i;
  (void)value;
  for (i = 0; i < w->client_count; i++) {
    invariant_dead(&w->clients[i]);
    invariant_rhythm(&w->clients[i]);
    invariant_hung_up(&w->clients[i]);
    invariant_silence(&w->clients[i]);
    fates_check_outbox(&w->clients[i]);
  }
  world_later(w, 1000, on_look, w);
}

static void check_end (struct world *w) {
  unsigned i;
  for (i = 0; i < w->client_count && !w->failed; i++) {
    struct client *c = &w->clients[i];
    invariant_recovered(c);
    application_check_end(c);
  }
}

void tally_add (struct tally *sum, const struct tally *one) {
  const uint64_t *from = (const uint64_t *)(const void *)one;
  uint64_t *to = (uint64_t *)(void *)sum;
  size_t i;
  for (i = 0; i < sizeof *sum / sizeof *to; i++) to[i] += from[i];
}

void world_free (struct world *w) {
  unsigned i;
  for (i = 0; i < w->client_count; i++) {
    path_free(&w->clients[i].path);
    wsm_manager_free(w->clients[i].manager);
    free(w->clients[i].manager);
    migration_free(&w->clients[i]);
    free(w->clients[i].fates.list);
  }
  wsm_pool_free(&w->pool);
  model_server_free(w->server);
  schedule_free(&w->schedule);
  free(w->clients);
  free(w);
}

/* Who does something again and again at the same time never lets it pass. */
static void check_clock (struct world *w) {
  if (w->still_ms != w->schedule.now_ms) w->still = 0;
  w->still_ms = w->schedule.now_ms;
  if (++w->still > MAX_CALLS)
    invariant_broken(w, BROKEN_OTHER, "a client never lets time pass");
}

static void live (struct world *w, uint64_t days) {
  static const uint64_t every[] = { 20000, 60000, 300000, 1800000 };
  unsigned i;
  w->end_ms = days * DAY_MS;
  w->quiet_ms = w->end_ms - QUIET_MS;
  w->fault_every_ms = every[random_below(&w->random, 4)];
  make_clients(w, 1 + (unsigned)random_below(&w->random, 5), options_choose);
  options_choose_answer(w);
  for (i = 0; i < w->client_count; i++) options_tell(&w->clients[i]);
  for (i = 0; i < w->client_count; i++) application_start(&w->clients[i]);
  faults_start(w);
  on_look(w, 0);
  while (!w->failed && schedule_step(&w->schedule, w->end_ms)) check_clock(w);
  if (!w->failed) check_end(w);
}

bool world_run (uint64_t seed, uint64_t days, bool told, struct tally *sum) {
  struct world *w = make_world(seed);
  bool held;
  w->story.told = told;
  live(w, days);
  w->tally.worlds = 1;
  w->tally.clients = w->client_count;
  w->tally.simulated_ms = w->schedule.now_ms;
  w->tally.calls = w->schedule.count;
  held = !w->failed;
  tally_add(sum, &w->tally);
  world_free(w);
  return held;
}
