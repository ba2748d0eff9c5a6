#include "faults.h"

#include "application.h"
#include "driver.h"
#include "migration.h"
#include "model_server.h"

/* How often each comes, beside the others. */
static const struct {
  const char *name;
  unsigned weight;
} kinds[FAULT_KINDS] = {
  [FAULT_CUT] = { "cut", 10 },
  [FAULT_STALL] = { "stall", 10 },
  [FAULT_ONE_WAY] = { "one way", 8 },
  [FAULT_HALF_OPEN] = { "half-open", 4 },
  [FAULT_RESTART] = { "restart", 4 },
  [FAULT_REFUSAL] = { "refusal", 3 },
  [FAULT_MUTE] = { "no handshake", 2 },
  [FAULT_HUNG] = { "hung", 8 },
  [FAULT_NO_ANSWER] = { "no heartbeat's answer", 4 },
  [FAULT_LOGIN] = { "no login", 2 },
  [FAULT_CLOSE] = { "close", 6 },
  [FAULT_BLOCKED] = { "blocked", 8 },
  [FAULT_SUSPEND] = { "suspend", 4 },
  [FAULT_READER] = { "slow reader", 8 },
  [FAULT_RECONNECT] = { "reconnect()", 3 },
  [FAULT_BURST] = { "burst", 6 },
  [FAULT_FLOOD] = { "flood", 6 },
  [FAULT_SLOW] = { "slow path", 4 },
  [FAULT_MIGRATE] = { "migrate()", 8 },
};

const char *fault_name (enum fault fault) {
  return kinds[fault].name;
}

static uint64_t now_of (const struct world *w) {
  return w->schedule.now_ms;
}

/* Some seconds, seldom many minutes. */
static uint64_t some_time (struct world *w) {
  static const uint64_t most[] = { 1000, 10000, 60000, 240000, 1200000 };
  return 1 + random_below(&w->faults, most[random_below(&w->faults, 5)]);
}

/* --- the network --- */

static void darken_path (struct client *c, bool up, bool down, uint64_t ms) {
  const uint64_t until = now_of(c->world) + ms;
  if (up) c->path.dark_until_ms[CLIENT] = until;
  if (down) c->path.dark_until_ms[SERVER] = until;
}

static void stall (struct client *c) {
  const uint64_t ms = some_time(c->world);
  TELL(c->world, "client %u: no packets for %.1f s", c->number,
       (double)ms / 1000);
  darken_path(c, true, true, ms);
}

static void one_way (struct client *c) {
  const uint64_t ms = some_time(c->world);
  const bool up = random_percent(&c->world->faults, 50);
  TELL(c->world, "client %u: no packets %s for %.1f s", c->number,
       up ? "to the server" : "from the server", (double)ms / 1000);
  darken_path(c, up, !up, ms);
}

static void half_open (struct client *c) {
  if (!c->tcp) return;
  TELL(c->world, "client %u: its connection is forgotten on the way",
       c->number);
  tcp_darken(c->tcp, CLIENT, NEVER);
  tcp_darken(c->tcp, SERVER, NEVER);
}

static void set_rate (struct client *c, uint64_t rate) {
  c->path.rate = rate;
  TELL(c->world, "client %u: %llu bytes a second", c->number,
       (unsigned long long)rate);
}

static void slow_path (struct client *c) {
  static const uint64_t rates[] = { 4000, 20000, 200000, 10000000 };
  if (c->policy.heartbeat.ack) return;
  set_rate(c, rates[random_below(&c->world->faults, 4)]);
}

/* --- the server --- */

static void cut (struct client *c) {
  if (!c->account.peer || !c->account.peer->tcp) return;
  TELL(c->world, "client %u: the server cuts", c->number);
  peer_reset(c->account.peer);
}

static void on_willing (void *object, uint64_t value) {
  struct server *s = object;
  (void)value;
  s->refusal = 0;
  s->mute = false;
}

static void refuse (struct world *w) {
  static const unsigned statuses[] = { 429, 503, 500, 429, 503, 403 };
  const uint64_t ms = some_time(w);
  struct server *s = w->server;
  s->refusal = statuses[random_below(&w->faults, 6)];
  s->retry_after_s = (unsigned)random_below(&w->faults, 90);
  TELL(w, "the server answers %u for %.1f s, Retry-After %u", s->refusal,
       (double)ms / 1000, s->retry_after_s);
  world_later(w, ms, on_willing, s);
}

static void mute (struct world *w) {
  const uint64_t ms = some_time(w);
  TELL(w, "the server answers no handshake for %.1f s", (double)ms / 1000);
  w->server->mute = true;
  world_later(w, ms, on_willing, w->server);
}

static void on_resume (void *object, uint64_t value) {
  struct client *c = object;
  if (c->account.peer && c->account.peer->number == value)
    peer_resume(c->account.peer);
}

static void hang (struct client *c) {
  const uint64_t ms = some_time(c->world);
  struct schedule_entry entry = { 0 };
  if (!c->account.peer) return;
  TELL(c->world, "client %u: the server reads nothing for %.1f s", c->number,
       (double)ms / 1000);
  c->account.peer->hung = true;
  entry.call = on_resume;
  entry.object = c;
  entry.value = c->account.peer->number;
  schedule_at(&c->world->schedule, now_of(c->world) + ms, &entry);
}

static void burst (struct client *c);

static void on_burst (void *object, uint64_t value) {
  (void)value;
  burst(object);
}

static void answer_nothing (struct client *c) {
  const uint64_t ms = some_time(c->world);
  struct schedule_entry entry = { 0 };
  if (!c->account.peer) return;
  TELL(c->world, "client %u: the server answers no heartbeat for %.1f s",
       c->number, (double)ms / 1000);
  c->account.peer->silent = true;
  entry.call = on_resume;
  entry.object = c;
  entry.value = c->account.peer->number;
  schedule_at(&c->world->schedule, now_of(c->world) + ms, &entry);
  if (c->policy.heartbeat.ack && random_percent(&c->world->faults, 50))
    world_later(c->world, random_below(&c->world->faults, 2 * ms + 20000),
                on_burst, c);
}

static void on_welcome (void *object, uint64_t value) {
  struct server *s = object;
  (void)value;
  s->welcome = "welcome";
}

static void refuse_logins (struct world *w) {
  const uint64_t ms = some_time(w);
  w->server->welcome = random_percent(&w->faults, 50) ? "no" : NULL;
  TELL(w, "the server %s logins for %.1f s",
       w->server->welcome ? "refuses" : "answers no", (double)ms / 1000);
  world_later(w, ms, on_welcome, w->server);
}

static void close_one (struct client *c) {
  static const unsigned codes[] = { 1000, 1001, 1011, 1012,
                                    1013, 4000, 4004, 1008 };
  const unsigned code = codes[random_below(&c->world->faults, 8)];
  if (!c->account.peer) return;
  TELL(c->world, "client %u: the server closes with %u", c->number, code);
  peer_close(c->account.peer, code);
}

static void on_cut (void *object, uint64_t value) {
  (void)value;
  cut(object);
}

/* Now and then while much waits to be sent. */
static void cut_amidst (struct client *c) {
  if (random_percent(&c->world->faults, 70)) {
    cut(c);
    return;
  }
  burst(c);
  world_later(c->world, random_below(&c->world->faults, 10000), on_cut, c);
}

static void flood (struct client *c) {
  static const uint64_t most[] = { 2, 20, 200 };
  const unsigned count =
    1 + (unsigned)random_below(&c->world->faults,
                               most[random_below(&c->world->faults, 3)]);
  const size_t extra = random_below(&c->world->faults, 60000);
  unsigned i;
  /* an answer behind all of it would come too late for a live peer */
  if (c->policy.heartbeat.ack) return;
  TELL(c->world, "client %u: the server sends %u messages of %zu bytes",
       c->number, count, extra);
  for (i = 0; i < count && c->account.peer; i++)
    peer_push(c->account.peer, extra, i % 5 == 0);
}

/* --- the client --- */

static void block (struct client *c) {
  const uint64_t ms = some_time(c->world);
  TELL(c->world, "client %u: its program is busy for %.1f s", c->number,
       (double)ms / 1000);
  driver_block(c, ms);
}

static void suspend (struct client *c) {
  const uint64_t ms = some_time(c->world);
  TELL(c->world, "client %u: its machine sleeps for %.1f s", c->number,
       (double)ms / 1000);
  darken_path(c, true, true, ms);
  c->sleeps = true;
  driver_block(c, ms);
}

static void on_takes (void *object, uint64_t value) {
  struct client *c = object;
  (void)value;
  c->takes = true;
  driver_settle(c);
}

/* Four messages that fill the inbox, and nothing behind them. */
static void fill_inbox (struct client *c, uint64_t ms) {
  const size_t extra = c->policy.inbox_bytes / 4;
  unsigned i;
  if (c->policy.heartbeat.ack || extra > MAX_MESSAGE / 2) return;
  TELL(c->world, "client %u: the server fills its inbox, and is silent",
       c->number);
  c->hushed_ms = now_of(c->world) + ms + 1000;
  for (i = 0; i < 4 && c->account.peer; i++)
    peer_push(c->account.peer, extra, false);
}

static void read_slowly (struct client *c) {
  const uint64_t ms = some_time(c->world);
  TELL(c->world, "client %u: takes no messages for %.1f s", c->number,
       (double)ms / 1000);
  c->takes = false;
  world_later(c->world, ms, on_takes, c);
  if (random_percent(&c->world->faults, 40)) fill_inbox(c, ms);
}

static void burst (struct client *c) {
  const unsigned count = 1 + (unsigned)random_below(&c->world->faults, 100);
  const size_t extra = random_below(&c->world->faults, 100000);
  if (now_of(c->world) < c->program_until_ms) return;
  TELL(c->world, "client %u: sends %u messages of %zu bytes", c->number, count,
       extra);
  application_send(c, count, extra);
}

/* The connection before does not always come to a good end. */
static void on_end_of_leaving (void *object, uint64_t value) {
  struct client *c = object;
  struct tcp *t = migration_leaving(c);
  struct peer *p = t ? tcp_owner(t, SERVER) : NULL;
  if (!p || !p->tcp) return;
  TELL(c->world, "client %u: the connection before is %s", c->number,
       value ? "forgotten on the way" : "cut");
  if (value == 0) {
    peer_reset(p);
    return;
  }
  tcp_darken(t, CLIENT, NEVER);
  tcp_darken(t, SERVER, NEVER);
}

static void migrate (struct client *c) {
  struct random *r = &c->world->faults;
  struct schedule_entry entry = { 0 };
  if (c->migrates && random_percent(r, 40)) burst(c);
  migration_start(c);
  if (random_percent(r, 50)) return;
  entry.call = on_end_of_leaving;
  entry.object = c;
  entry.value = random_percent(r, 50);
  schedule_at(&c->world->schedule, now_of(c->world) + random_below(r, 20000),
              &entry);
}

/* --- all --- */

static enum fault choose (struct world *w) {
  unsigned sum = 0, i, at;
  for (i = 0; i < FAULT_KINDS; i++) sum += kinds[i].weight;
  at = (unsigned)random_below(&w->faults, sum);
  for (i = 0; at >= kinds[i].weight; i++) at -= kinds[i].weight;
  return (enum fault)i;
}

static void restart (struct world *w) {
  if (!w->server->down)
    model_server_restart(w->server, (unsigned)random_below(&w->faults, 3),
                         some_time(w));
}

static void strike_server (struct world *w, enum fault fault) {
  if (fault == FAULT_RESTART) restart(w);
  else if (fault == FAULT_REFUSAL) refuse(w);
  else if (fault == FAULT_LOGIN) refuse_logins(w);
  else mute(w);
}

static void strike (struct client *c, enum fault fault) {
  static void (*const strikes[FAULT_KINDS])(struct client *) = {
    [FAULT_CUT] = cut_amidst,
    [FAULT_STALL] = stall,
    [FAULT_ONE_WAY] = one_way,
    [FAULT_HALF_OPEN] = half_open,
    [FAULT_HUNG] = hang,
    [FAULT_NO_ANSWER] = answer_nothing,
    [FAULT_CLOSE] = close_one,
    [FAULT_BLOCKED] = block,
    [FAULT_SUSPEND] = suspend,
    [FAULT_READER] = read_slowly,
    [FAULT_RECONNECT] = application_reconnect,
    [FAULT_BURST] = burst,
    [FAULT_FLOOD] = flood,
    [FAULT_SLOW] = slow_path,
    [FAULT_MIGRATE] = migrate,
  };
  if (strikes[fault]) strikes[fault](c);
  else strike_server(c->world, fault);
}

static void on_fault (void *object, uint64_t value) {
  struct world *w = object;
  struct client *c = &w->clients[random_below(&w->faults, w->client_count)];
  const enum fault fault = choose(w);
  (void)value;
  if (now_of(w) >= w->quiet_ms) return;
  w->tally.faults[fault]++;
  strike(c, fault);
  world_later(w, random_wait(&w->faults, w->fault_every_ms), on_fault, w);
}

/* A path that stays slow is a fault, too; and a server says no more. */
static void recover (struct client *c) {
  set_rate(c, c->usual_rate);
  application_forget_silence(c);
}

static void on_quiet (void *object, uint64_t value) {
  struct world *w = object;
  unsigned i;
  (void)value;
  for (i = 0; i < w->client_count; i++) recover(&w->clients[i]);
}

void faults_start (struct world *w) {
  world_later(w, w->quiet_ms - now_of(w), on_quiet, w);
  world_later(w, random_wait(&w->faults, w->fault_every_ms), on_fault, w);
}
