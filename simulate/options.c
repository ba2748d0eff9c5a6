#include "options.h"

#include <stdio.h>
#include <string.h>

#include "application.h"
#include "invariants.h"

#define CHOOSE(r, list) ((list)[random_below(r, sizeof(list) / sizeof *(list))])

/* --- the connection --- */

static void choose_message (struct wsm_heartbeat_rules *p, struct random *r) {
  if (random_percent(r, 60)) return;
  if (random_percent(r, 50)) p->ask = true;
  else p->message = "heartbeat";
  p->length = 9;
  p->ack = random_percent(r, 60);
  if (p->ack && random_percent(r, 60)) p->mode = WSM_HEARTBEAT_ALWAYS;
}

/* A part goes without heartbeats, or without a verdict. */
static void choose_heartbeat (struct wsm_policy *policy, struct random *r) {
  struct wsm_heartbeat_rules *p = &policy->heartbeat;
  static const uint32_t intervals[] = { 5000, 10000, 20000, 30000, 60000 };
  static const uint32_t answers[] = { 10000, 20000, 40000, 70000 };
  static const uint32_t silences[] = { 30000, 120000, 600000 };
  const unsigned kind = (unsigned)random_below(r, 100);
  p->interval_ms = CHOOSE(r, intervals);
  p->timeout_ms = p->interval_ms + CHOOSE(r, answers);
  p->mode = (uint8_t)random_below(r, 4);
  p->jitter = random_percent(r, 30) ? random_fraction(r) : 0;
  if (random_percent(r, 15)) p->silence_ms = CHOOSE(r, silences);
  choose_message(p, r);
  if (kind < 8) p->timeout_ms = 0;
  else if (kind < 16) p->interval_ms = 0;
}

/* Codes and statuses that are final. */
static void choose_lists (struct client *c) {
  static const uint32_t delays[] = { 200, 1000, 3000, 20000 };
  struct random *r = &c->random;
  struct wsm_retry_lists *lists = &c->lists;
  if (random_percent(r, 60)) return;
  c->policy.lists = lists;
  if (random_percent(r, 50)) {
    lists->delays = 1 + (uint32_t)random_below(r, 4);
    memcpy(lists->delays_ms, delays, sizeof delays);
  }
  if (lists->delays && random_percent(r, 50)) return;
  lists->never[lists->nevers++] = 4004;
  if (random_percent(r, 50)) lists->never[lists->nevers++] = 1013;
  if (random_percent(r, 30)) lists->never[lists->nevers++] = 503;
}

static void choose_attempts (struct wsm_policy *p, struct random *r) {
  static const uint32_t rates[][2] = {
    { 1, 20000 }, { 5, 60000 }, { 20, 300000 }, { 200, 600000 }
  };
  const uint32_t *rate = CHOOSE(r, rates);
  if (random_percent(r, 70)) return;
  p->attempt_limit = rate[0];
  p->attempt_per_ms = rate[1];
}

static void choose_reconnect (struct wsm_policy *p, struct random *r) {
  static const uint32_t delays[] = { 100, 500, 1000, 2000, 5000 };
  static const uint32_t most[] = { 5000, 10000, 30000, 60000 };
  static const double factors[] = { 1, 1.5, 2 };
  static const double jitters[] = { 0, 0.5, 1, 1 };
  p->budget = random_percent(r, 15) ? 2 + (uint32_t)random_below(r, 9)
                                    : WSM_UNBOUNDED;
  p->delay_ms = CHOOSE(r, delays);
  p->max_delay_ms = CHOOSE(r, most);
  p->factor = CHOOSE(r, factors);
  p->jitter = CHOOSE(r, jitters);
  p->ask_target = random_percent(r, 50);
  p->ask_verdict = random_percent(r, 30);
  choose_attempts(p, r);
}

static void choose_path (struct path *path, struct random *r) {
  static const uint64_t latencies[] = { 1, 10, 40, 150, 400 };
  static const uint64_t rates[] = { 20000, 200000, 2000000, 20000000 };
  static const size_t rooms[] = { 16384, 65536, 262144, 1u << 20 };
  path->latency_ms = CHOOSE(r, latencies);
  path->rate = CHOOSE(r, rates);
  path->send_room = CHOOSE(r, rooms);
  path->receive_room = CHOOSE(r, rooms);
}

/* --- messages --- */

static void choose_rooms (struct wsm_policy *p, struct random *r) {
  static const size_t sizes[] = { 8192, 65536, 1u << 20, 4u << 20 };
  static const uint32_t counts[] = { 16, 128, 1024 };
  p->outbox_messages = CHOOSE(r, counts);
  p->outbox_bytes = CHOOSE(r, sizes);
  p->output_bytes = CHOOSE(r, sizes);
  p->inbox_bytes = CHOOSE(r, sizes);
  p->unacknowledged_messages = 4u << 4 * random_below(r, 3);
}

/* The reserve is enough for the heartbeats of a window, and some logins; where pings are
** the heartbeats a login can wait. */
static void choose_rate (struct wsm_policy *p, struct random *r) {
  static const uint32_t rates[][3] = {
    { 20, 1000, 5 }, { 10, 5000, 4 }, { 120, 60000, 20 }, { 60, 20000, 10 }
  };
  const uint32_t *rate = CHOOSE(r, rates);
  const bool pings = !p->heartbeat.message && !p->heartbeat.ask;
  if (random_percent(r, 70)) return;
  p->rate_limit = rate[0];
  p->rate_per_ms = rate[1];
  p->rate_reserve = pings && random_percent(r, 50) ? 0 : rate[2];
}

/* What may be given up. */
static void choose_drops (struct client *c) {
  static const uint32_t ages[] = { 1000, 30000, 600000 };
  struct random *r = &c->random;
  struct wsm_policy *p = &c->policy;
  c->expires = random_percent(r, 25);
  c->is_volatile = random_percent(r, c->expires ? 40 : 15);
  p->outbox_drops_oldest = random_percent(r, 15);
  if (random_percent(r, 10)) p->outbox_age_ms = CHOOSE(r, ages);
  if (!c->account.confirms && random_percent(r, 12)) p->outbox_messages = 0;
}

static void choose_traffic (struct client *c) {
  static const uint64_t every[] = { 2000, 20000, 60000, 600000 };
  static const uint64_t largest[] = { 4000, 20000, 60000 };
  c->send_every_ms = CHOOSE(&c->random, every);
  c->push_every_ms = CHOOSE(&c->random, every);
  if (random_percent(&c->random, 25))
    c->policy.send_bytes = CHOOSE(&c->random, largest);
}

/* --- all of it --- */

/* A kernel that takes much more than its path carries in the time to answer. */
static void choose_upload (struct client *c) {
  struct wsm_heartbeat_rules *r = &c->policy.heartbeat;
  if (!r->ack || !r->interval_ms || !r->timeout_ms) return;
  if (random_percent(&c->random, 60)) return;
  r->timeout_ms = r->interval_ms + 10000;
  c->path.rate = 20000;
  c->path.send_room = 1u << 20;
  c->policy.output_bytes = 4u << 20;
}

void options_set_windows (struct client *c) {
  const struct wsm_policy *p = &c->policy;
  c->attempts.limit = p->attempt_limit;
  c->attempts.per_ms = p->attempt_per_ms;
  c->sends.limit = p->rate_limit;
  c->usual_sends.limit = p->rate_limit - p->rate_reserve;
  c->sends.per_ms = c->usual_sends.per_ms = p->rate_per_ms;
}

void options_choose (struct client *c) {
  struct wsm_error e;
  wsm_policy_defaults(&c->policy);
  choose_heartbeat(&c->policy, &c->random);
  choose_reconnect(&c->policy, &c->random);
  choose_lists(c);
  choose_rooms(&c->policy, &c->random);
  choose_rate(&c->policy, &c->random);
  c->account.confirms = random_percent(&c->random, 40);
  choose_drops(c);
  c->migrates = random_percent(&c->random, 40);
  c->logs_in = c->policy.ask_login = random_percent(&c->random, 40);
  choose_traffic(c);
  choose_path(&c->path, &c->random);
  choose_upload(c);
  c->usual_rate = c->path.rate;
  c->silence_ms = c->policy.heartbeat.silence_ms;
  options_set_windows(c);
  if (!wsm_policy_check(&c->policy, &e))
    invariant_broken(c->world, BROKEN_OTHER, "client %u: %s", c->number,
                     e.detail);
}

/* Nobody else's answer is waited for: those of the others. */
static uint64_t half_of_answer (const struct client *c) {
  const struct wsm_heartbeat_rules *r = &c->policy.heartbeat;
  const uint64_t way = 2 * c->path.latency_ms + 1000;
  const uint32_t interval_ms = r->interval_ms ? r->interval_ms
                                              : LATER_INTERVAL_MS;
  return r->timeout_ms ? (r->timeout_ms - interval_ms) / 2 - way : 5000;
}

void options_choose_answer (struct world *w) {
  uint64_t least = 5000;
  unsigned i;
  for (i = 0; i < w->client_count; i++) {
    const uint64_t half = half_of_answer(&w->clients[i]);
    if (half < least) least = half;
  }
  w->answer_ms = random_below(&w->random, least);
}

/* --- its story --- */

static void tell_delivery (const struct client *c) {
  const struct wsm_policy *p = &c->policy;
  TELL(
    c->world,
    "client %u: %s%s%s%s%s%s; rate %u in %g s, outbox of %u%s; attempts %u in "
    "%g s, %u delays, %u codes are final, budget %d",
    c->number, c->account.confirms ? "acknowledged" : "as it comes",
    c->logs_in ? ", a login" : "", c->expires ? ", ttl" : "",
    c->migrates ? ", migrates" : "", c->is_volatile ? ", volatile" : "",
    p->outbox_age_ms ? ", an age" : "", p->rate_limit, p->rate_per_ms / 1000.0,
    p->outbox_messages, p->outbox_drops_oldest ? ", the oldest go" : "",
    p->attempt_limit, p->attempt_per_ms / 1000.0, c->lists.delays,
    c->lists.nevers, (int)p->budget);
}

void options_tell (const struct client *c) {
  static const char *const modes[] = { "either", "received", "sent", "always" };
  const struct wsm_policy *p = &c->policy;
  const struct wsm_heartbeat_rules *r = &p->heartbeat;
  TELL(c->world,
       "client %u: interval %g s, timeout %g s, silence %g s, %s%s; delay %g s "
       "to %g s; %llu ms away, %llu bytes a second",
       c->number, r->interval_ms / 1000.0, r->timeout_ms / 1000.0,
       r->silence_ms / 1000.0, modes[r->mode],
       r->ack                 ? ", ack"
       : r->ask || r->message ? ", a message"
                              : "",
       p->delay_ms / 1000.0, p->max_delay_ms / 1000.0,
       (unsigned long long)c->path.latency_ms,
       (unsigned long long)c->path.rate);
  tell_delivery(c);
}
