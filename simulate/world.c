#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "application.h"
#include "base/memory.h"
#include "faults.h"
#include "invariants.h"
#include "model_server.h"

#define MAX_CALLS 100000 /* at one time */
#define QUIET_MS \
  2400000u /* at the end: long enough for everything to recover */

void world_later (struct world *w, uint64_t after_ms, schedule_call *call,
                  void *object) {
  struct schedule_entry entry = { 0 };
  entry.call = call;
  entry.object = object;
  schedule_at(&w->schedule, w->schedule.now_ms + after_ms, &entry);
}

/* --- what a world is like --- */

#define CHOOSE(r, list) ((list)[random_below(r, sizeof(list) / sizeof *(list))])

static void choose_heartbeat (struct wsm_policy *policy, struct random *r) {
  struct wsm_heartbeat_rules *p = &policy->heartbeat;
  static const uint32_t intervals[] = { 5000, 10000, 20000, 30000, 60000 };
  static const uint32_t answers[] = { 10000, 20000, 40000, 70000 };
  p->interval_ms = CHOOSE(r, intervals);
  p->timeout_ms = p->interval_ms + CHOOSE(r, answers);
  p->mode = (uint8_t)random_below(r, 4);
  p->jitter = random_percent(r, 30) ? random_fraction(r) : 0;
  if (random_percent(r, 60)) return;
  if (random_percent(r, 50)) p->ask = true;
  else p->message = "heartbeat";
  p->length = 9;
  p->ack = random_percent(r, 60);
  if (p->ack && random_percent(r, 60)) p->mode = WSM_HEARTBEAT_ALWAYS;
}

static void choose_reconnect (struct wsm_policy *p, struct random *r) {
  static const uint32_t delays[] = { 100, 500, 1000, 2000, 5000 };
  static const uint32_t most[] = { 5000, 10000, 30000, 60000 };
  static const double factors[] = { 1, 1.5, 2 };
  static const double jitters[] = { 0, 0.5, 1, 1 };
  p->budget = WSM_UNBOUNDED;
  p->delay_ms = CHOOSE(r, delays);
  p->max_delay_ms = CHOOSE(r, most);
  p->factor = CHOOSE(r, factors);
  p->jitter = CHOOSE(r, jitters);
  p->ask_target = random_percent(r, 50);
  p->ask_verdict = random_percent(r, 30);
}

static void choose_rooms (struct wsm_policy *p, struct random *r) {
  static const size_t sizes[] = { 8192, 65536, 1u << 20, 4u << 20 };
  static const uint32_t counts[] = { 16, 128, 1024 };
  p->outbox_messages = CHOOSE(r, counts);
  p->outbox_bytes = CHOOSE(r, sizes);
  p->output_bytes = CHOOSE(r, sizes);
  p->inbox_bytes = CHOOSE(r, sizes);
}

static void choose_path (struct path *path, struct random *r) {
  static const uint64_t latencies[] = { 1, 10, 40, 150, 400 };
  static const uint64_t rates[] = { 20000, 200000, 2000000, 20000000 };
  static const size_t rooms[] = { 16384, 65536, 262144 };
  path->latency_ms = CHOOSE(r, latencies);
  path->rate = CHOOSE(r, rates);
  path->send_room = CHOOSE(r, rooms);
  path->receive_room = CHOOSE(r, rooms);
}

static void choose_traffic (struct client *c) {
  static const uint64_t every[] = { 2000, 20000, 60000, 600000 };
  c->send_every_ms = CHOOSE(&c->random, every);
  c->push_every_ms = CHOOSE(&c->random, every);
}

static void choose_options (struct client *c) {
  wsm_policy_defaults(&c->policy);
  choose_heartbeat(&c->policy, &c->random);
  choose_reconnect(&c->policy, &c->random);
  choose_rooms(&c->policy, &c->random);
  c->account.confirms = random_percent(&c->random, 40);
  c->policy.unacknowledged_messages = 4u << 4 * random_below(&c->random, 3);
  c->logs_in = c->policy.ask_login = random_percent(&c->random, 40);
  choose_traffic(c);
  choose_path(&c->path, &c->random);
  c->usual_rate = c->path.rate;
}

static void choose_nothing (struct client *c) {
  wsm_policy_defaults(&c->policy);
  c->policy.budget = WSM_UNBOUNDED;
  c->path.latency_ms = 20;
  c->path.rate = 1000000;
  c->path.send_room = c->path.receive_room = 65536;
}

static void make_client (struct world *w, unsigned number,
                         void (*choose)(struct client *)) {
  struct client *c = &w->clients[number];
  struct wsm_manager_setup setup;
  struct wsm_error e;
  c->world = c->account.world = w;
  c->number = c->account.number = number;
  c->random = random_split(&w->random);
  c->takes = true;
  c->ended_ms = c->timer_ms = c->overdue_ms = NEVER;
  c->path.schedule = &w->schedule;
  choose(c);
  snprintf(c->url_text, sizeof c->url_text, "ws://example.com/%u", number);
  wsm_url_parse(&c->url, c->url_text, strlen(c->url_text), &e);
  c->request.url = &c->url;
  memset(&setup, 0, sizeof setup);
  setup.role = WSM_CLIENT;
  setup.policy = &c->policy;
  setup.keys = &w->keys;
  setup.pool = &w->pool;
  setup.seed = random_next(&c->random);
  wsm_manager_init(&c->manager, &setup, w->schedule.now_ms);
}

/* A live server answers within half of what each of its clients waits. */
static void choose_answer (struct world *w) {
  uint64_t least = 5000;
  unsigned i;
  for (i = 0; i < w->client_count; i++) {
    const struct client *c = &w->clients[i];
    const uint64_t half =
      (c->policy.heartbeat.timeout_ms - c->policy.heartbeat.interval_ms) / 2;
    const uint64_t way = 2 * c->path.latency_ms + 1000;
    if (half - way < least) least = half - way;
  }
  w->answer_ms = random_below(&w->random, least);
}

static void tell_client (struct client *c) {
  static const char *const modes[] = { "either", "received", "sent", "always" };
  const struct wsm_policy *p = &c->policy;
  TELL(c->world,
       "client %u: interval %g s, timeout %g s, %s%s; delay %g s to %g s; %llu "
       "ms away, %llu bytes a second",
       c->number, p->heartbeat.interval_ms / 1000.0,
       p->heartbeat.timeout_ms / 1000.0, modes[p->heartbeat.mode],
       p->heartbeat.ack                           ? ", ack"
       : p->heartbeat.ask || p->heartbeat.message ? ", a message"
                                                  : "",
       p->delay_ms / 1000.0, p->max_delay_ms / 1000.0,
       (unsigned long long)c->path.latency_ms,
       (unsigned long long)c->path.rate);
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
    wsm_manager_free(&w->clients[i].manager);
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
  w->fault_every_ms = CHOOSE(&w->random, every);
  make_clients(w, 1 + (unsigned)random_below(&w->random, 5), choose_options);
  choose_answer(w);
  for (i = 0; i < w->client_count; i++) tell_client(&w->clients[i]);
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
