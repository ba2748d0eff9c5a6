#include "crowd.h"

#include <stdio.h>
#include <stdlib.h>

#include "application.h"
#include "model_server.h"
#include "world.h"

#define BUCKETS 20
#define BAR 60 /* characters */
#define RESTART_MS 60000

static void print_bars (const struct histogram *h) {
  uint64_t most = 1;
  unsigned i;
  for (i = 0; i < BUCKETS; i++)
    if (h->counts[i] > most) most = h->counts[i];
  for (i = 0; i < BUCKETS; i++)
    printf("  %5.1f s %6llu %.*s\n", i * (double)h->bucket_ms / 1000,
           (unsigned long long)h->counts[i], (int)(h->counts[i] * BAR / most),
           "############################################################");
}

/* Full jitter: a first attempt is as likely in each part of the delay; those
** drawn below 100 ms come at 100 ms. */
static bool is_even (const struct histogram *h, unsigned clients,
                     uint32_t delay_ms) {
  const unsigned parts = (unsigned)(delay_ms / h->bucket_ms);
  const double fair = (double)clients / parts;
  unsigned i;
  bool even = true;
  for (i = 1; i < parts; i++)
    if ((double)h->counts[i] < fair * 0.75 - 10 ||
        (double)h->counts[i] > fair * 1.25 + 10 + (i == 1 ? fair : 0))
      even = false;
  return even;
}

static bool is_open_everywhere (const struct world *w) {
  unsigned i;
  for (i = 0; i < w->client_count; i++)
    if (w->clients[i].manager->state != WSM_STATE_OPEN) return false;
  return true;
}

static void run_until (struct world *w, uint64_t end_ms) {
  while (!w->failed && schedule_step(&w->schedule, end_ms)) continue;
}

/* The server is gone for so long; the attempts are counted. */
static void restart (struct world *w, struct histogram *h, uint64_t down_ms) {
  h->from_ms = w->schedule.now_ms;
  model_server_restart(w->server, 0, down_ms);
  run_until(w, w->schedule.now_ms + h->bucket_ms * BUCKETS);
}

bool crowd_run (uint64_t seed, unsigned clients) {
  struct world *w = world_crowd(seed, clients);
  uint64_t counts[BUCKETS] = { 0 };
  struct histogram h = { 0, 100, BUCKETS, counts };
  uint64_t most = 0;
  bool even, back;
  unsigned i;
  for (i = 0; i < clients; i++) application_start(&w->clients[i]);
  run_until(w, RESTART_MS);
  back = is_open_everywhere(w);
  w->histogram = &h;
  printf("%u clients lose their server; when they try again:\n", clients);
  restart(w, &h, 50);
  print_bars(&h);
  even = is_even(&h, clients, w->clients[0].policy.delay_ms);
  run_until(w, w->schedule.now_ms + RESTART_MS);
  back = back && is_open_everywhere(w);
  for (i = 0; i < BUCKETS; i++) counts[i] = 0;
  h.bucket_ms = 2000;
  printf("and when it stays away for 30 s, all attempts:\n");
  restart(w, &h, 30000);
  print_bars(&h);
  run_until(w, w->schedule.now_ms + 4 * RESTART_MS);
  back = back && is_open_everywhere(w);
  for (i = 3; i < BUCKETS; i++)
    if (counts[i] > most) most = counts[i];
  even = even && most * 2 < clients;
  printf("%s; %s\n\n", even ? "spread as the jitter says" : "NOT SPREAD",
         back ? "all are back" : "NOT ALL CAME BACK");
  even = even && back && !w->failed;
  world_free(w);
  return even;
}
