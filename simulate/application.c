#include "application.h"

#include <stdio.h>
#include <string.h>

#include "attempts.h"
#include "driver.h"
#include "fates.h"
#include "invariants.h"
#include "messages.h"
#include "migration.h"
#include "model_server.h"

static const unsigned char nonce[WSM_NONCE_SIZE] = { 3, 2, 1 };

static uint64_t now_of (const struct client *c) {
  return c->world->schedule.now_ms;
}

/* --- messages of the server --- */

static bool comes_before (const struct client *c, uint64_t one,
                          uint64_t other) {
  return migration_place(c, one) < migration_place(c, other);
}

/* No message of an earlier connection will come: were they all taken? */
static void check_receipts (struct client *c, uint64_t connection) {
  unsigned i, kept = 0;
  for (i = 0; i < c->receipt_count; i++) {
    const struct receipt r = c->receipts[i];
    const uint64_t taken = r.connection == c->connection ? c->next : 0;
    if (!comes_before(c, r.connection, connection)) {
      c->receipts[kept++] = r;
    } else if (taken > r.whole || (r.exact && taken < r.whole)) {
      invariant_broken(c->world, BROKEN_LOST,
                       "client %u: of connection %llu %llu messages were read "
                       "and %llu came to the application",
                       c->number, (unsigned long long)r.connection,
                       (unsigned long long)r.whole, (unsigned long long)taken);
    } else {
      c->world->tally.received += taken;
    }
  }
  c->receipt_count = kept;
}

/* The server sends it again until it is told. */
static void confirm (struct client *c, uint64_t number) {
  struct wsm_message message;
  char text[32];
  message.length =
    (size_t)snprintf(text, sizeof text, "got %llu", (unsigned long long)number);
  message.data = (const unsigned char *)text;
  message.binary = false;
  wsm_manager_send(c->manager, &message, NULL, now_of(c));
}

static void take_confirmed (struct client *c, const struct wsm_message *m) {
  struct name name;
  char id[32];
  int n;
  if (!message_read(m->data, m->length, &name) || name.kind != 's') {
    invariant_broken(c->world, BROKEN_ORDER,
                     "client %u: a message that the server did not send",
                     c->number);
    return;
  }
  n = snprintf(id, sizeof id, "s%llu", (unsigned long long)name.number);
  if (wsm_manager_is_repeated(c->manager, id, (size_t)n)) {
    c->world->tally.again++;
  } else {
    invariant_order(c, "the server's", c->confirmed, name.number);
    c->confirmed = name.number + 1;
    c->world->tally.received++;
  }
  confirm(c, name.number);
}

/* "ok 7": the server has the message of that id. */
static bool take_confirmation (struct client *c, const struct wsm_message *m) {
  if (m->length < 4 || memcmp(m->data, "ok ", 3) != 0) return false;
  wsm_manager_confirm(c->manager, m->data + 3, m->length - 3, now_of(c));
  return true;
}

static void take (struct client *c, const struct wsm_message *m) {
  struct name name;
  if (c->account.confirms) {
    if (!take_confirmation(c, m)) take_confirmed(c, m);
    return;
  }
  if (!message_read(m->data, m->length, &name) || name.kind != 's' ||
      comes_before(c, name.connection, c->connection)) {
    invariant_broken(c->world, BROKEN_ORDER,
                     "client %u: a message that the server did not send, or "
                     "of an earlier connection",
                     c->number);
    return;
  }
  if (name.connection != c->connection) {
    check_receipts(c, name.connection);
    c->connection = name.connection;
    c->next = 0;
  }
  invariant_order(c, "the server's", c->next, name.number);
  c->next = name.number + 1;
  c->taken++;
}

static bool is_text (const struct wsm_message *m, const char *text) {
  return m->length == strlen(text) && memcmp(m->data, text, m->length) == 0;
}

static bool take_answer (struct client *c, const struct wsm_message *m) {
  if (!is_text(m, "beat")) return false;
  wsm_manager_acknowledge_heartbeat(c->manager);
  c->answered_ms = now_of(c);
  return true;
}

/* --- the login --- */

static struct wsm_message message_of (const char *text) {
  struct wsm_message message;
  message.data = (const unsigned char *)text;
  message.length = strlen(text);
  message.binary = false;
  return message;
}

static void send_login (struct client *c) {
  const struct wsm_message message = message_of("login");
  c->login_waits = wsm_login_send(c->manager, c->epoch, &message, now_of(c)) ==
                   WSM_SEND_FULL;
}

static void begin_login (struct client *c) {
  c->epoch = c->manager->counters.epoch;
  send_login(c);
}

/* false: it is not for the login, and there is no room to give it back. */
static bool read_login (struct client *c, const struct wsm_message *message) {
  static const struct wsm_login_failure failure = { "not welcome", NULL, 0,
                                                    false };
  struct wsm_manager *m = c->manager;
  const bool welcome = is_text(message, "welcome");
  if (!welcome && !is_text(message, "no") && !take_answer(c, message) &&
      wsm_login_give_back(m, c->epoch, message) != WSM_SENT)
    return false;
  if (is_text(message, "no")) {
    wsm_login_pop(m, message);
    wsm_manager_login_failed(m, c->epoch, &failure, now_of(c));
    return false;
  }
  wsm_login_pop(m, message);
  if (welcome) wsm_manager_login_done(m, c->epoch, now_of(c));
  return !welcome;
}

static void read_logins (struct client *c) {
  struct wsm_manager *m = c->manager;
  struct wsm_message message;
  while (m->state == WSM_STATE_LOGIN &&
         wsm_login_next(m, c->epoch, &message, now_of(c)) == WSM_MESSAGE)
    if (!read_login(c, &message)) return;
}

/* --- everything else --- */

static void take_all (struct client *c) {
  struct wsm_manager *m = c->manager;
  struct wsm_message message;
  while (c->takes && !c->world->failed &&
         wsm_manager_next(m, &message, now_of(c)) == WSM_MESSAGE) {
    if (!take_answer(c, &message)) take(c, &message);
    wsm_manager_pop(m, &message);
  }
}

void application_check_end (struct client *c) {
  const struct account *a = &c->account;
  take_all(c);
  fates_check_end(c, a->confirms ? a->expected : a->peer->passing.next);
  check_receipts(c, c->account.peer ? c->account.peer->number : NEVER);
}

/* --- events --- */

static void on_open (struct client *c) {
  TELL(c->world, "client %u: open, connection %llu", c->number,
       (unsigned long long)c->account.connections);
  c->opened_ms = c->heard_ms = c->answered_ms = now_of(c);
  c->progress = 0;
  c->recovered = false;
  c->world->tally.opens++;
}

static void on_close (struct client *c) {
  const struct wsm_manager *m = c->manager;
  TELL(c->world, "client %u: ended: %s %s", c->number,
       m->error.token == WSM_NONE ? "in order" : wsm_token_name(m->error.token),
       m->error.token == WSM_NONE ? "" : m->error.detail);
  c->world->tally.ends[m->error.token]++;
  invariant_alive(c);
  attempts_note_end(c);
  wsm_manager_login_over(c->manager);
}

/* Now a message, now a ping. */
static void say_heartbeat (struct client *c) {
  struct wsm_message message = message_of("heartbeat");
  if (!c->policy.heartbeat.ack && random_percent(&c->random, 30))
    message.data = NULL;
  wsm_manager_heartbeat(c->manager, &message);
}

/* Now and then it knows better. */
static void judge (struct client *c) {
  struct wsm_manager *m = c->manager;
  const bool again = random_percent(&c->random, 30) ? m->error.final
                                                    : !m->error.final;
  wsm_manager_verdict(m, again, -1, now_of(c));
  attempts_check_verdict(c, again);
}

static void note_over (struct client *c);

static void on_reopen (void *object, uint64_t value) {
  struct client *c = object;
  (void)value;
  c->reopens = false;
  application_reconnect(c);
  note_over(c);
}

static void note_over (struct client *c) {
  const enum wsm_state state = wsm_manager_state(c->manager);
  if (c->reopens || (state != WSM_STATE_CLOSED && state != WSM_STATE_LOCKED &&
                     state != WSM_STATE_EXHAUSTED))
    return;
  c->reopens = true;
  c->ended_ms = NEVER;
  TELL(c->world, "client %u: gave up", c->number);
  c->world->tally.given_up++;
  world_later(c->world, random_wait(&c->random, 20000), on_reopen, c);
}

static void pop_event (struct client *c) {
  struct wsm_manager *m = c->manager;
  const enum wsm_event event = wsm_manager_event(m);
  if (event == WSM_EVENT_DROPPED) fates_told(c);
  wsm_manager_event_pop(m);
  if (event == WSM_EVENT_OPEN) on_open(c);
  if (event == WSM_EVENT_CLOSE) on_close(c);
  if (event == WSM_EVENT_LOGIN) begin_login(c);
  if (event == WSM_EVENT_ROOM && c->login_waits) send_login(c);
  if (event == WSM_EVENT_HEARTBEAT) say_heartbeat(c);
  if (event == WSM_EVENT_TARGET)
    wsm_manager_target(m, &c->request, nonce, now_of(c));
  if (event == WSM_EVENT_VERDICT) judge(c);
  if (event == WSM_EVENT_RECONNECTING)
    TELL(c->world, "client %u: attempt %u in %.1f s", c->number, m->failures,
         m->delay_ms / 1000.0);
}

void application_log_in (struct client *c, enum wsm_event event) {
  if (event == WSM_EVENT_LOGIN) begin_login(c);
  if (event == WSM_EVENT_ROOM && c->login_waits) send_login(c);
  if (event == WSM_EVENT_HEARTBEAT) say_heartbeat(c);
  if (event == WSM_EVENT_NONE) read_logins(c);
}

static void turn (struct client *c) {
  migration_check(c);
  while (wsm_manager_event(c->manager) != WSM_EVENT_NONE) pop_event(c);
  read_logins(c);
  while (wsm_manager_event(c->manager) != WSM_EVENT_NONE) pop_event(c);
  fates_check_told(c);
  do take_all(c);
  while (c->takes && migration_forward(c));
  note_over(c);
}

/* --- what it does by itself --- */

static bool has_terms (const struct wsm_terms *terms) {
  return terms->id_length > 0 || terms->is_volatile ||
         terms->expires_ms != WSM_NEVER;
}

void application_send (struct client *c, unsigned count, size_t extra) {
  struct wsm_manager *m = c->manager;
  for (; count > 0; count--) {
    const struct name name = { 'c', c->number, c->sent };
    size_t n;
    const char *text = message_write(&name, extra, &n);
    struct wsm_terms terms = fates_terms(c);
    struct wsm_message message;
    enum wsm_sent sent;
    char id[32];
    c->world->keys.left = WSM_KEYS_SIZE;
    message.data = (const unsigned char *)text;
    message.length = n;
    message.binary = !(c->sent & 1);
    terms.id = (const unsigned char *)id;
    if (c->account.confirms)
      terms.id_length =
        (uint8_t)snprintf(id, sizeof id, "%llu", (unsigned long long)c->sent);
    sent = wsm_manager_send(m, &message, has_terms(&terms) ? &terms : NULL,
                            now_of(c));
    invariant_sent(c, &message, &terms, sent);
    if (sent != WSM_SENT && sent != WSM_SENT_LATER) break;
    fates_sent(c, &terms);
    c->sent++;
    c->world->tally.sent++;
    invariant_memory(c);
  }
  driver_settle(c);
}

static bool is_busy (const struct client *c) {
  return now_of(c) < c->program_until_ms;
}

static void on_send (void *object, uint64_t value) {
  struct client *c = object;
  (void)value;
  if (!is_busy(c)) application_send(c, 1, 0);
  if (now_of(c) < c->world->quiet_ms)
    world_later(c->world, random_wait(&c->random, c->send_every_ms), on_send,
                c);
}

static void on_push (void *object, uint64_t value) {
  struct client *c = object;
  (void)value;
  if (c->account.peer && now_of(c) >= c->hushed_ms)
    peer_push(c->account.peer, 0, random_percent(&c->random, 20));
  if (now_of(c) < c->world->quiet_ms)
    world_later(c->world, random_wait(&c->random, c->push_every_ms), on_push,
                c);
}

void application_start (struct client *c) {
  c->turn = turn;
  driver_start(c);
  if (c->send_every_ms) on_send(c, 0);
  if (c->push_every_ms) on_push(c, 0);
}

void application_reconnect (struct client *c) {
  if (is_busy(c)) return;
  TELL(c->world, "client %u: calls reconnect()", c->number);
  c->calls_reconnect = true;
  c->failures = 0;
  driver_start(c);
  c->calls_reconnect = false;
  c->hurries = c->manager->state == WSM_STATE_WAITING;
  c->begun_ms = now_of(c);
}

/* It can do without that from now on; its connections go by these rules. */
void application_forget_silence (struct client *c) {
  struct wsm_heartbeat_rules rules = c->policy.heartbeat;
  if (!c->silence_ms && rules.interval_ms) return;
  rules.silence_ms = c->silence_ms = 0;
  if (!rules.interval_ms) rules.interval_ms = LATER_INTERVAL_MS;
  wsm_manager_set_heartbeat(c->manager, &rules, now_of(c));
  c->policy.heartbeat.interval_ms = rules.interval_ms;
  c->free_ms = now_of(c);
  driver_settle(c);
}
