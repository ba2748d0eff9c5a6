#include "driver.h"

#include "invariants.h"
#include "model_server.h"

#define READ 65536
#define ROUNDS 1000

static const unsigned char nonce[WSM_NONCE_SIZE] = { 1, 2, 3 };

static uint64_t now_of (const struct client *c) {
  return c->world->schedule.now_ms;
}

/* The same program looks after both connections. */
static struct client *owner_of (struct client *c) {
  return c->original ? c->original : c;
}

static bool is_blocked (struct client *c) {
  return now_of(c) < owner_of(c)->program_until_ms;
}

static struct peer *peer_of (const struct tcp *t) {
  return tcp_owner(t, SERVER);
}

/* --- the connection --- */

/* What was read of it and not yet taken must come. */
static void note_receipt (struct client *c, const struct peer *p) {
  struct client *owner = owner_of(c);
  struct receipt *r = &owner->receipts[owner->receipt_count];
  if (owner->account.confirms || (c->original && !c->leaves)) return;
  r->connection = p->number;
  r->whole = peer_count_read(p, c->tcp);
  r->exact = c->leaves || (!c->manager->local && c->opened_ms);
  if (owner->receipt_count < RECEIPTS - 1) owner->receipt_count++;
}

/* Since when may the peer have been as if dead, at the latest? */
static uint64_t fault_of (const struct client *c, const struct tcp *t) {
  const struct peer *p = peer_of(t);
  const uint64_t now = now_of(c), impaired_ms = tcp_impaired_ms(t);
  if (!p || !p->tcp || p->hung || p->silent || p->owes) return now;
  return p->hung_ms > impaired_ms ? p->hung_ms : impaired_ms;
}

static void disconnect (struct client *c) {
  struct tcp *t = c->tcp;
  if (t) c->fault_ms = fault_of(c, t);
  if (t) owner_of(c)->back_ms = now_of(c);
  if (t && peer_of(t)) {
    note_receipt(c, peer_of(t));
    peer_detach(peer_of(t), t);
  }
  c->tcp = NULL;
  if (t) tcp_close(t, CLIENT);
  c->connected = c->blocked = c->refused = false;
  wsm_manager_resume(c->manager, now_of(c));
}

static void fail (struct client *c, const struct wsm_error *e) {
  disconnect(c);
  wsm_manager_lost(c->manager, e, now_of(c));
}

static void fail_with (struct client *c, enum wsm_token token,
                       const char *what) {
  struct wsm_error e;
  wsm_error_set(&e, token, "%s", what);
  fail(c, &e);
}

/* --- bytes --- */

static void read_some (struct client *c) {
  struct wsm_manager *m = c->manager;
  const size_t size = wsm_manager_read_size(m, READ);
  unsigned char *to = wsm_buffer_reserve(wsm_manager_input(m), size);
  const size_t n = to ? tcp_read(c->tcp, CLIENT, to, size) : 0;
  if (n > 0) scanner_feed(&c->in, to, n);
  wsm_buffer_commit(wsm_manager_input(m), n);
  wsm_manager_commit(m, n, now_of(c));
  if (n > 0) c->heard_ms = now_of(c);
  if (c->epoch_seen != m->counters.epoch) c->message_ms = now_of(c);
  c->epoch_seen = m->counters.epoch;
}

static void read_all (struct client *c) {
  switch (tcp_end(c->tcp, CLIENT)) {
    case TCP_LIVES:
      read_some(c);
      return;
    case TCP_FINISHED:
      fail(c, NULL);
      return;
    case TCP_RESET:
      fail_with(c, WSM_CLOSED, "connection reset by peer");
      return;
    case TCP_TIMED_OUT:
      fail_with(c, WSM_CLOSED, "connection timed out");
      return;
  }
}

static bool may_read (const struct client *c) {
  return c->tcp && c->connected && !wsm_manager_is_paused(c->manager);
}

static void on_readable (void *owner);

static void read_again (void *object, uint64_t value) {
  struct client *c = object;
  (void)value;
  c->reads = false;
  if (c->manager) on_readable(c);
}

/* The socket stays readable as long as something is unread. */
static void read_on (struct client *c) {
  if (c->reads || !may_read(c) || !tcp_is_readable(c->tcp, CLIENT)) return;
  c->reads = true;
  world_later(c->world, 0, read_again, c);
}

static void on_readable (void *owner) {
  struct client *c = owner;
  if (is_blocked(c) || !may_read(c)) return;
  read_all(c);
  driver_settle(c);
}

static void write_some (struct client *c) {
  struct wsm_manager *m = c->manager;
  size_t n, taken;
  const unsigned char *bytes = wsm_manager_output(m, &n);
  if (n == 0) return;
  taken = tcp_write(c->tcp, CLIENT, bytes, n);
  c->blocked = taken < n;
  scanner_feed(&c->out, bytes, taken);
  wsm_manager_wrote(m, taken, now_of(c));
}

static bool may_write (const struct client *c) {
  const struct wsm_manager *m = c->manager;
  return c->tcp && c->connected && !c->blocked && !wsm_manager_is_draining(m) &&
         wsm_manager_pending(m) > 0;
}

static void write_all (struct client *c) {
  struct wsm_manager *m = c->manager;
  while (may_write(c)) write_some(c);
  if (c->tcp && c->connected && wsm_manager_want(m) == WSM_WANT_FINISH &&
      wsm_manager_pending(m) == 0)
    tcp_finish(c->tcp, CLIENT);
}

static void on_writable (void *owner) {
  struct client *c = owner;
  c->blocked = false;
  if (!is_blocked(c)) driver_settle(c);
}

/* What became of connecting, once the program looks. */
static void note_connected (struct client *c) {
  const bool refused = c->refused;
  c->refused = false;
  if (wsm_manager_want(c->manager) != WSM_WANT_CONNECT || !c->tcp) return;
  if (c->connected) wsm_manager_connected(c->manager, now_of(c));
  else if (refused) fail_with(c, WSM_REFUSED, "connection refused");
}

static void on_connected (void *owner) {
  struct client *c = owner;
  c->connected = true;
  if (is_blocked(c)) return;
  note_connected(c);
  driver_settle(c);
}

static void on_refused (void *owner) {
  struct client *c = owner;
  c->refused = true;
  if (is_blocked(c)) return;
  note_connected(c);
  driver_settle(c);
}

static const struct tcp_calls calls = { on_connected, on_refused, on_readable,
                                        on_writable };

/* --- what the manager wants --- */

static bool is_silent (const struct client *c) {
  const struct peer *p = c->tcp ? peer_of(c->tcp) : NULL;
  return !p || p->silent || p->hung;
}

static void note_sent (void *owner, const struct scanned *frame) {
  struct client *c = owner;
  if (frame->opcode >= CLOSE) return;
  if (scanned_is(frame, "heartbeat") && !is_silent(c)) c->upload_ms = 0;
  if (c->leaves) return;
  invariant_send_rate(c, scanned_is(frame, "heartbeat") ||
                           scanned_is(frame, "login"));
}

static void note_message (void *owner, const struct scanned *frame) {
  struct client *c = owner;
  if (frame->opcode < CLOSE && frame->final) c->message_ms = now_of(c);
}

static void connect_to_target (struct client *c) {
  static const struct scanner out = { .call = note_sent };
  static const struct scanner in = { .call = note_message };
  if (c->tcp) return;
  c->out = out;
  c->in = in;
  c->out.owner = c->in.owner = c;
  c->tcp =
    tcp_connect(c->way, model_server_listener(c->world->server), &calls, c);
}

static void apply_want (struct client *c) {
  struct wsm_manager *m = c->manager;
  if (wsm_manager_want(m) == WSM_WANT_TARGET) {
    disconnect(c);
    if (!c->policy.ask_target)
      wsm_manager_target(m, &c->request, nonce, now_of(c));
  }
  if (wsm_manager_want(m) == WSM_WANT_CONNECT) connect_to_target(c);
  if (wsm_manager_want(m) == WSM_WANT_DISCONNECT) disconnect(c);
}

static void update_pause (struct client *c) {
  struct wsm_manager *m = c->manager;
  const bool full = c->tcp && wsm_manager_is_inbox_full(m);
  if (!c->tcp || full == wsm_manager_is_paused(m)) return;
  if (full) {
    c->paused_ms = now_of(c);
    wsm_manager_pause(m, now_of(c));
    return;
  }
  c->message_ms += now_of(c) - c->paused_ms;
  wsm_manager_resume(m, now_of(c));
  c->free_ms = now_of(c);
}

/* It begins the time anew to answer what was never answered, until there is another
** heartbeat. */
static void note_upload (struct client *c) {
  const struct peer *p = peer_of(c->tcp);
  c->blocked_ms = now_of(c);
  if (p && (now_of(c) < p->hung_ms || now_of(c) < c->upload_ms))
    c->upload_ms = now_of(c) + c->policy.heartbeat.timeout_ms;
}

static void report_delivery (struct client *c) {
  struct wsm_manager *m = c->manager;
  struct wsm_delivery d;
  const size_t unread = c->tcp ? tcp_arrived(c->tcp, CLIENT) : 0;
  if (!c->tcp || !c->connected || !wsm_manager_wants_delivery(m, now_of(c)))
    return;
  d.written = tcp_written(c->tcp, CLIENT);
  d.acknowledged = tcp_acknowledged(c->tcp, CLIENT);
  d.unread = unread;
  d.blocked = c->blocked;
  if (c->blocked) note_upload(c);
  d.hung_up = tcp_hung_up(c->tcp, CLIENT) != TCP_LIVES;
  d.readable = unread > 0 || d.hung_up;
  d.everything = wsm_manager_pending(m) == 0 && d.acknowledged == d.written;
  wsm_manager_delivered(m, &d, now_of(c));
}

/* --- the timer --- */

static void on_timer (void *object, uint64_t value);

/* A program has more to do than this. */
static uint64_t lateness (struct client *c) {
  if (c->send_every_ms && random_percent(&c->random, 2) &&
      wsm_manager_is_deadline_lax(c->manager))
    return random_below(&c->random, 1000);
  return random_below(&c->random, 16);
}

static void update_timer (struct client *c) {
  const uint64_t deadline = wsm_manager_deadline(c->manager);
  struct schedule_entry entry = { 0 };
  if (deadline >= c->timer_ms) return;
  c->timer_ms = deadline + lateness(c);
  if (c->timer_ms < now_of(c)) c->timer_ms = now_of(c);
  entry.call = on_timer;
  entry.object = c;
  entry.value = c->timer_ms;
  schedule_at(&c->world->schedule, c->timer_ms, &entry);
}

static void tick (struct client *c) {
  report_delivery(c);
  wsm_manager_tick(c->manager, now_of(c));
}

static void on_timer (void *object, uint64_t value) {
  struct client *c = object;
  if (!c->manager || value != c->timer_ms) return;
  c->timer_ms = NEVER;
  if (is_blocked(c)) return;
  if (wsm_manager_deadline(c->manager) <= now_of(c)) tick(c);
  driver_settle(c);
}

/* --- all of it --- */

static bool has_settled (const struct client *c) {
  const struct wsm_manager *m = c->manager;
  const enum wsm_want want = wsm_manager_want(m);
  if (wsm_manager_event(m) != WSM_EVENT_NONE) return false;
  /* what a login gave back waits for its end */
  if (c->takes && !m->login && wsm_manager_has_message(m)) return false;
  if (want == WSM_WANT_TARGET || want == WSM_WANT_REDIRECT) return false;
  if (want == WSM_WANT_CONNECT && !c->tcp) return false;
  return !may_write(c);
}

static void settle_once (struct client *c) {
  struct wsm_manager *m = c->manager;
  c->world->keys.left = WSM_KEYS_SIZE;
  apply_want(c);
  c->turn(c);
  if (wsm_manager_holds_message(m) || wsm_manager_has_popped(m))
    wsm_manager_read_behind(m, now_of(c));
  apply_want(c);
  update_pause(c);
  write_all(c);
  report_delivery(c);
}

void driver_settle (struct client *c) {
  unsigned rounds = 0;
  if (c->settling || is_blocked(c)) return;
  c->settling = true;
  do settle_once(c);
  while (!has_settled(c) && ++rounds < ROUNDS && !c->world->failed);
  c->settling = false;
  if (rounds == ROUNDS)
    invariant_broken(c->world, BROKEN_OTHER, "client %u: never comes to rest",
                     c->number);
  invariant_state(c);
  update_timer(c);
  read_on(c);
}

/* A connection that ends is read no more. */
static void tick_if_due (struct client *c) {
  if (wsm_manager_deadline(c->manager) > now_of(c)) return;
  tick(c);
  apply_want(c);
}

static void wake (struct client *c) {
  note_connected(c);
  if (c->sleeps && wsm_manager_awaits_recovery(c->manager)) {
    c->recovered = true;
    wsm_manager_recovered(c->manager, now_of(c));
  }
  c->sleeps = false;
  /* a loop's timers may come before what lies in its sockets */
  if (random_percent(&c->random, 50)) tick_if_due(c);
  if (may_read(c)) read_all(c);
  tick_if_due(c);
  driver_settle(c);
}

static void on_free (void *object, uint64_t value) {
  struct client *c = object;
  (void)value;
  if (is_blocked(c)) return;
  /* who is asked again, and could not answer before the next time, is dead */
  if (c->heard_ms <= c->free_ms) c->excuse_ms = now_of(c);
  c->free_ms = now_of(c);
  TELL(c->world, "client %u: its program runs again", c->number);
  c->world->keys.left = WSM_KEYS_SIZE;
  wake(c);
  if (c->twin && c->twin->manager) wake(c->twin);
}

void driver_block (struct client *c, uint64_t for_ms) {
  const uint64_t until_ms = now_of(c) + for_ms;
  if (until_ms <= c->program_until_ms) return;
  c->program_until_ms = until_ms;
  world_later(c->world, for_ms, on_free, c);
}

void driver_start (struct client *c) {
  c->world->keys.left = WSM_KEYS_SIZE;
  wsm_manager_start(c->manager, now_of(c));
  driver_settle(c);
}

void driver_exchanged (struct client *c) {
  c->timer_ms = NEVER;
  c->overdue_ms = NEVER;
  c->reads = false;
  c->out.owner = c->in.owner = c;
  if (c->tcp) tcp_set_owner(c->tcp, CLIENT, c);
}
