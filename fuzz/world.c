#include "world.h"

#include <string.h>

#include "base/memory.h"
#include "delivery.h"
#include "model.h"
#include "notes.h"
#include "peer.h"
#include "receiving.h"

/* --- messages with a number in them --- */

size_t world_size (unsigned number) {
  static const size_t sizes[] = { 7, 7, 30, 126, 300, 4000 };
  return sizes[(number * 2654435761u >> 16) % 6];
}

const char *world_text (char kind, unsigned number) {
  static char text[4096];
  memset(text, '.', sizeof text);
  snprintf(text, sizeof text, "%c%05u", kind, number);
  text[6] = '.';
  return text;
}

/* The number in it; -1: it is none of that kind. */
static long number_of (char kind, const unsigned char *data, size_t n) {
  long number = 0;
  size_t i;
  if (n < 7 || data[0] != (unsigned char)kind) return -1;
  for (i = 1; i < 6; i++) {
    if (data[i] < '0' || data[i] > '9') return -1;
    number = number * 10 + (data[i] - '0');
  }
  return number < MESSAGES && world_size((unsigned)number) == n ? number : -1;
}

void world_deliver (struct world *w, const unsigned char *data, size_t n) {
  const struct wsm_heartbeat_rules *r = &w->policy.heartbeat;
  long number;
  if (w->memory_fails) return;
  if (r->message && n == r->length && memcmp(data, r->message, n) == 0) return;
  if (r->ask && n == 4 && memcmp(data, "ask!", n) == 0) return;
  if (n == 5 && memcmp(data, "login", n) == 0) return;
  number = number_of('s', data, n);
  REQUIRE(number >= 0);
  delivery_read(w, (unsigned)number, !w->reads);
  w->reads = true;
  w->delivered++;
}

void world_receive (struct world *w, const struct wsm_message *m) {
  const long number = number_of('p', m->data, m->length);
  if (w->memory_fails || number < 0) return;
  REQUIRE(memcmp(m->data, world_text('p', (unsigned)number), m->length) == 0);
  REQUIRE(number >= (long)w->received && number < (long)w->peer_sent);
  for (; (long)w->received < number; w->received++)
    REQUIRE(!w->must[w->received]);
  w->received++;
}

/* --- what the peer read on a connection that is over --- */

static size_t head_length (const struct wsm_buffer *b) {
  const unsigned char *bytes = wsm_buffer_bytes(b);
  size_t i;
  for (i = 4; i <= wsm_buffer_length(b); i++)
    if (memcmp(bytes + i - 4, "\r\n\r\n", 4) == 0) return i;
  return wsm_buffer_length(b);
}

/* Those that it has not read yet; a message may not be whole. */
static void read_kernel (struct world *w) {
  const size_t head = head_length(&w->kernel);
  struct wsm_compression agreed = w->policy.compression;
  struct model_rules rules;
  struct model m;
  struct text text;
  size_t at = 0;
  unsigned count = 0;
  memset(&m, 0, sizeof m);
  rules.role = w->manager.role == WSM_CLIENT ? WSM_SERVER : WSM_CLIENT;
  rules.limits.message = rules.limits.frame = 1u << 20;
  rules.limits.fragments = 1;
  rules.agreed = w->policy.compress ? &agreed : NULL;
  if (wsm_buffer_length(&w->kernel) > head)
    model_read(&m, &rules, wsm_buffer_bytes(&w->kernel) + head,
               wsm_buffer_length(&w->kernel) - head);
  REQUIRE(m.end != MODEL_FAILED);
  while (texts_take(&m.messages, &at, &text))
    if (count++ >= w->texts) world_deliver(w, text.data, text.length);
  w->texts = count;
  model_clear(&m);
}

#define MAX_KERNEL 20000 /* it is read again and again */

void world_peer_reads (struct world *w) {
  if (w->socket == SOCKET_OPEN && w->opened &&
      wsm_buffer_length(&w->kernel) < MAX_KERNEL)
    read_kernel(w);
}

/* --- the driver --- */

static void close_socket (struct world *w) {
  if (w->socket == SOCKET_OPEN && w->opened && !w->memory_fails) read_kernel(w);
  wsm_buffer_clear(&w->kernel);
  w->socket = SOCKET_NONE;
  w->opened = w->done = w->paused = w->hung_up = w->reads = false;
  w->texts = 0;
  w->written = w->acknowledged = 0;
  receiving_lose(w);
  wsm_manager_resume(&w->manager, w->now);
}

static size_t some_of (struct world *w, size_t n) {
  const size_t had = wsm_buffer_length(&w->kernel) - n;
  const size_t start = head_length(&w->kernel);
  if (start > had || chance_below(&w->seed, 2))
    return chance_below(&w->seed, n + 1);
  return peer_boundary(&w->kernel, start, had) - had;
}

void world_write (struct world *w, bool all) {
  struct wsm_manager *m = &w->manager;
  size_t n, taken;
  const unsigned char *bytes = wsm_session_output(&m->session, &n);
  if (w->socket != SOCKET_OPEN || n == 0) return;
  taken = n;
  if (w->memory_fails) {
    if (!all) taken = chance_below(&w->seed, n + 1);
  } else {
    REQUIRE(wsm_buffer_append(&w->kernel, bytes, n));
    if (!all) taken = some_of(w, n);
    w->kernel.end -= n - taken;
  }
  w->written += taken;
  wsm_manager_wrote(m, taken, w->now);
}

/* Ever more of what was written is acknowledged, or nothing. */
void world_report (struct world *w) {
  struct wsm_manager *m = &w->manager;
  const uint64_t outstanding = w->written - w->acknowledged;
  struct wsm_delivery d;
  if (w->socket != SOCKET_OPEN || !wsm_manager_wants_delivery(m, w->now))
    return;
  if (chance_below(&w->seed, 2))
    w->acknowledged += chance_below(&w->seed, (size_t)outstanding + 1);
  d.written = w->written;
  d.acknowledged = w->acknowledged;
  d.unread = 0;
  d.blocked = chance_below(&w->seed, 2) != 0;
  d.readable = w->hung_up || (!w->done && chance_below(&w->seed, 4) == 0);
  d.hung_up = w->hung_up;
  d.everything = w->written == w->acknowledged && wsm_manager_pending(m) == 0;
  wsm_manager_delivered(m, &d, w->now);
}

static void update_pause (struct world *w) {
  struct wsm_manager *m = &w->manager;
  const bool rest = w->socket == SOCKET_OPEN && wsm_manager_is_inbox_full(m);
  if (rest == w->paused) return;
  w->paused = rest;
  if (rest) wsm_manager_pause(m, w->now);
  else wsm_manager_resume(m, w->now);
}

static const unsigned char nonce[WSM_NONCE_SIZE] = { 1, 2, 3 };

/* reconnect.rate: never more than so many in any so much time. */
static void check_rate (struct world *w) {
  const struct wsm_policy *p = &w->policy;
  uint64_t *then;
  if (p->attempt_limit == 0) return;
  then = &w->targets_ms[w->targets % p->attempt_limit];
  if (w->targets >= p->attempt_limit)
    REQUIRE(w->now - *then > p->attempt_per_ms);
  *then = w->now;
  w->targets++;
}

void world_target (struct world *w) {
  w->redirects = 0;
  wsm_manager_target(&w->manager, &w->request, nonce, w->now);
  if (w->manager.step == WSM_STEP_CONNECT) check_rate(w);
}

/* A redirect's attempt does not count in the budget. */
static void follow_redirect (struct world *w) {
  w->redirects++;
  REQUIRE(w->redirects <= w->policy.redirects);
  wsm_manager_redirect(&w->manager, nonce);
  w->attempts = w->manager.counters.attempts;
}

static void apply_want (struct world *w) {
  struct wsm_manager *m = &w->manager;
  switch (m->want) {
    case WSM_WANT_TARGET:
      close_socket(w);
      if (!w->policy.ask_target) world_target(w);
      break;
    case WSM_WANT_REDIRECT:
      close_socket(w);
      follow_redirect(w);
      break;
    case WSM_WANT_CONNECT:
      REQUIRE(w->socket != SOCKET_OPEN);
      w->socket = SOCKET_CONNECTING;
      break;
    case WSM_WANT_FINISH:
      REQUIRE(w->socket == SOCKET_OPEN);
      break;
    case WSM_WANT_DISCONNECT:
      close_socket(w);
      break;
    case WSM_WANT_NOTHING:
      REQUIRE(w->socket == SOCKET_OPEN);
      break;
  }
}

/* --- what must hold after every step --- */

static bool is_queued (const struct world *w, enum wsm_event event) {
  return wsm_events_has(&w->manager.events, event);
}

/* What the peer is to confirm has no deadline. */
static bool awaits_peer (const struct wsm_manager *m) {
  const struct wsm_message_queue *q = wsm_delivery_messages(m);
  return q && q->count > 0;
}

/* An event or a deadline ends every state. */
static void check_alive (const struct world *w) {
  const struct wsm_manager *m = &w->manager;
  const bool clock = wsm_manager_deadline(m) != WSM_NEVER;
  switch (m->state) {
    case WSM_STATE_CONNECTING:
      if (m->step == WSM_STEP_TARGET) REQUIRE(is_queued(w, WSM_EVENT_TARGET));
      else if (m->step == WSM_STEP_REQUEST)
        REQUIRE(is_queued(w, WSM_EVENT_REQUEST));
      else if (m->step == WSM_STEP_RESPONSE)
        REQUIRE(clock || !w->policy.close_ms);
      else REQUIRE(clock || !w->policy.open_ms);
      break;
    case WSM_STATE_WAITING:
      REQUIRE(clock || m->events.count > 0);
      if (m->step == WSM_STEP_VERDICT) REQUIRE(is_queued(w, WSM_EVENT_VERDICT));
      break;
    case WSM_STATE_CLOSING:
      REQUIRE(clock || !w->policy.close_ms);
      break;
    case WSM_STATE_LOGIN:
      REQUIRE(clock || !w->policy.login_ms);
      break;
    case WSM_STATE_OPEN:
      REQUIRE(clock || !(m->paused || w->policy.heartbeat.timeout_ms));
      if (m->hold) REQUIRE(is_queued(w, WSM_EVENT_OPEN));
      else if (m->drain_due && wsm_session_pending(&m->session) == 0)
        REQUIRE(clock || awaits_peer(m));
      break;
    default:
      REQUIRE(w->socket == SOCKET_NONE);
  }
}

static void check_budget (struct world *w) {
  const struct wsm_manager *m = &w->manager;
  if (m->counters.attempts != w->attempts) w->tries++;
  if (m->counters.opens != w->opens) w->tries = 0;
  w->attempts = m->counters.attempts;
  w->opens = m->counters.opens;
  if (w->policy.budget == WSM_UNBOUNDED) return;
  REQUIRE(m->failures <= w->policy.budget);
  REQUIRE(w->tries <= w->policy.budget + 1);
}

void world_update (struct world *w) {
  int i;
  const uint64_t epoch = w->manager.counters.epoch;
  REQUIRE(epoch == w->epoch || epoch == w->epoch + 1);
  if (epoch != w->epoch) w->opened = true;
  w->epoch = w->manager.counters.epoch;
  for (i = 0; i < 3; i++) apply_want(w);
  update_pause(w);
  world_report(w);
  check_budget(w);
  check_alive(w);
  delivery_check(w);
  receiving_check(w);
  notes_check(w);
}

void world_lose (struct world *w, const struct wsm_error *e) {
  close_socket(w);
  wsm_manager_lost(&w->manager, e, w->now);
}

void world_tick (struct world *w) {
  const struct wsm_manager *m = &w->manager;
  int i;
  for (i = 0; i == 0 || (i < 4 && wsm_manager_deadline(m) <= w->now); i++) {
    world_report(w);
    wsm_manager_tick(&w->manager, w->now);
    world_update(w);
  }
  REQUIRE(wsm_manager_deadline(m) > w->now);
}

void world_read (struct world *w, const unsigned char *bytes, size_t n) {
  wsm_memory_fail(w->fails);
  while (n > 0 && w->socket == SOCKET_OPEN && !w->paused) {
    const size_t part = 1 + chance_below(&w->seed, n);
    unsigned char *to = wsm_session_reserve(&w->manager.session, part);
    if (!to) {
      world_lose(w, NULL);
      break;
    }
    memcpy(to, bytes, part);
    wsm_session_commit(&w->manager.session, part);
    wsm_manager_received(&w->manager, part, w->now);
    world_update(w);
    bytes += part;
    n -= part;
  }
  wsm_memory_fail(-1);
  /* nothing may follow a piece that was cut short */
  if (n > 0) w->done = true;
}
