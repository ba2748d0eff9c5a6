/* A manager with an application, a driver, a socket and a peer that do what the
** input decides, on a simulated clock. Whatever they do: there is at most one
** socket, the budget holds, every state has an end, and no message is lost or
** duplicated in either direction. */
#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "delivery.h"
#include "notes.h"
#include "peer.h"
#include "policy.h"
#include "receiving.h"
#include "world.h"

#define STEPS 400 /* of one life */

/* --- time --- */

static void pass_time (struct world *w) {
  static const uint64_t waits[] = { 0, 1, 99, 1000, 4999, 60000, 3600000 };
  const unsigned how = input_byte(w->in) % 10;
  const uint64_t deadline = wsm_manager_deadline(&w->manager);
  if (how < 7) w->now += waits[how];
  else if (deadline != WSM_NEVER && deadline > w->now)
    w->now = deadline - (how == 7) + (how == 9);
  world_tick(w);
}

/* --- the application --- */

static void send_one (struct world *w) {
  struct wsm_manager *m = &w->manager;
  const struct wsm_message message = { (const unsigned char *)world_text(
                                         's', w->sent),
                                       world_size(w->sent), !(w->sent & 1) };
  enum wsm_sent sent;
  if (w->sent == MESSAGES) return;
  sent = delivery_send(w, &message);
  if (sent == WSM_SENT) REQUIRE(m->state == WSM_STATE_OPEN);
  if (sent == WSM_SENT || sent == WSM_SENT_LATER) w->sent++;
}

static void answer_request (struct world *w) {
  struct wsm_manager *m = &w->manager;
  struct wsm_response reply;
  memset(&reply, 0, sizeof reply);
  reply.status = 404;
  if (input_byte(w->in) < 230) {
    if (wsm_manager_accept(m, NULL, NULL, w->now)) return;
  } else if (wsm_manager_refuse(m, &reply, w->now)) {
    return;
  }
  REQUIRE(w->memory_fails);
  world_lose(w, NULL);
}

static void answer_heartbeat (struct world *w) {
  static const struct wsm_message none = { NULL, 0, false };
  struct wsm_message message = { (const unsigned char *)"ask!", 4, false };
  message.binary = (input_byte(w->in) & 1) != 0;
  if (!wsm_manager_heartbeat(&w->manager,
                             input_byte(w->in) & 1 ? &message : &none))
    REQUIRE(w->memory_fails);
}

static void fail_target (struct world *w) {
  struct wsm_error e;
  wsm_error_set(&e, WSM_REFUSED, "no token");
  wsm_manager_fail_target(&w->manager, &e, w->now);
}

static void pop_event (struct world *w) {
  struct wsm_manager *m = &w->manager;
  const enum wsm_event event = wsm_manager_event(m);
  unsigned answer;
  if (event == WSM_EVENT_NONE) return;
  if (event == WSM_EVENT_DROPPED) delivery_told(w);
  wsm_manager_event_pop(m);
  if (event == WSM_EVENT_OPEN) wsm_manager_release(m, w->now);
  if (event == WSM_EVENT_DRAIN) receiving_note_room(w);
  if (event == WSM_EVENT_REQUEST) answer_request(w);
  if (event == WSM_EVENT_HEARTBEAT) answer_heartbeat(w);
  if (event == WSM_EVENT_TARGET) {
    answer = input_byte(w->in);
    if (answer < 232) world_target(w);
    else if (answer < 244) wsm_manager_lock(m, "no user");
    else fail_target(w);
  }
  if (event != WSM_EVENT_VERDICT) return;
  answer = input_byte(w->in);
  wsm_manager_verdict(m, answer & 1, answer & 2 ? -1 : (int64_t)answer * 10,
                      w->now);
}

/* A login: of the connection under way, or of one before it. */
static void log_in (struct world *w) {
  static const struct wsm_message text = { (const unsigned char *)"login", 5,
                                           false };
  struct wsm_manager *m = &w->manager;
  const unsigned what = input_byte(w->in);
  const uint64_t epoch = m->counters.epoch - (what % 16 == 0);
  struct wsm_login_failure failure;
  struct wsm_message message;
  memset(&failure, 0, sizeof failure);
  failure.why = "no";
  failure.final = (what & 16) != 0;
  if (what < 80) {
    if (wsm_login_next(m, epoch, &message, w->now) != WSM_MESSAGE) return;
    if (what & 1) wsm_login_give_back(m, epoch, &message);
    wsm_login_pop(m, &message);
  } else if (what < 130) {
    if (wsm_login_send(m, epoch, &text, w->now) == WSM_SENT) w->login_sent++;
  } else if (what < 210) {
    wsm_manager_login_done(m, epoch, w->now);
  } else if (what < 240) {
    wsm_manager_login_failed(m, epoch, &failure, w->now);
  } else {
    wsm_manager_login_over(m);
  }
}

static void close_now (struct world *w) {
  static const unsigned codes[] = { 1000, 3000, WSM_NO_STATUS };
  struct wsm_close_params params;
  params.code = codes[input_byte(w->in) % 3];
  params.reason = "bye";
  params.length = params.code == 3000 ? 3 : 0;
  wsm_manager_close(&w->manager, &params, w->now);
}

/* --- the peer --- */

static void read_buffer (struct world *w, struct wsm_buffer *b) {
  world_read(w, wsm_buffer_bytes(b), wsm_buffer_length(b));
  wsm_buffer_clear(b);
}

static void read_frame (struct world *w, unsigned first, const char *payload,
                        size_t n) {
  struct wsm_buffer b;
  struct peer_frame f;
  memset(&b, 0, sizeof b);
  f.first = first;
  f.payload = (const unsigned char *)payload;
  f.length = n;
  peer_frame(&b, &f, (enum wsm_role)w->manager.role);
  read_buffer(w, &b);
}

static bool peer_may_send (const struct world *w) {
  return w->socket == SOCKET_OPEN && w->opened && !w->done && !w->paused;
}

/* A message as pieces of the zlib stream: one, or two. */
static void send_packed (struct world *w, unsigned number) {
  const unsigned char *bytes;
  const size_t n = receiving_pack(w, number, &bytes);
  const size_t first = number & 2 ? chance_below(&w->seed, n) : 0;
  if (first) read_frame(w, WSM_FIN | WSM_BINARY, (const char *)bytes, first);
  w->done |= !peer_may_send(w);
  if (w->done) return;
  w->must[number] = w->manager.state == WSM_STATE_OPEN;
  read_frame(w, WSM_FIN | WSM_BINARY, (const char *)bytes + first, n - first);
}

static void peer_sends (struct world *w) {
  const unsigned number = w->peer_sent;
  const size_t n = world_size(number);
  const size_t first = chance_below(&w->seed, n);
  if (!peer_may_send(w) || number == MESSAGES) return;
  w->peer_sent++;
  if (w->policy.inflate && (number & 1)) {
    send_packed(w, number);
  } else if (number % 3 == 0) {
    read_frame(w, WSM_TEXT, world_text('p', number), first);
    if (peer_may_send(w)) read_frame(w, WSM_FIN | WSM_PING, "between", 7);
    w->done |= !peer_may_send(w);
    if (w->done) return;
    w->must[number] = w->manager.state == WSM_STATE_OPEN;
    read_frame(w, WSM_FIN, world_text('p', number) + first, n - first);
  } else {
    w->must[number] = w->manager.state == WSM_STATE_OPEN;
    read_frame(w, WSM_FIN | WSM_TEXT, world_text('p', number), n);
  }
  if (w->done) w->must[number] = false;
}

static void read_anything (struct world *w, size_t n) {
  const uint8_t *bytes = input_piece(w->in, &n);
  world_read(w, bytes, n);
}

static void peer_sends_control (struct world *w) {
  const unsigned what = input_byte(w->in) % 4;
  const size_t n = input_byte(w->in) % 20;
  if (!peer_may_send(w)) return;
  if (what == 0) read_frame(w, WSM_FIN | WSM_PING, "ping", 4);
  if (what == 1) read_frame(w, WSM_FIN | WSM_PONG, "\0\0\0\0\0\0\0\1", 8);
  if (what == 2) read_frame(w, WSM_FIN | WSM_CLOSE, "\x03\xE8", n & 2);
  if (what == 3) read_anything(w, n);
  if (what >= 2) w->done = true;
}

static void write_refusal (unsigned kind, char *to, size_t room) {
  static const char *const places[] = { "/x", "ws://b.example/../y", "?z",
                                        "http:" };
  if (kind & 1)
    snprintf(to, room, "HTTP/1.1 302 There\r\nLocation: %s\r\n\r\n",
             places[kind >> 1 & 3]);
  else
    snprintf(to, room,
             "HTTP/1.1 %d No\r\nRetry-After: %d\r\nContent-Length: 4\r\n\r\n"
             "xx",
             kind & 2 ? 503 : 404, (int)kind * 7);
}

static void write_answer (const struct world *w, char *to, size_t room) {
  const unsigned kind = input_byte(w->in);
  char accept[WSM_ACCEPT_TEXT];
  const char *key = kind < 220 ? w->manager.key : "x";
  wsm_accept_write(accept, key, strlen(key));
  if (kind > 236) {
    write_refusal(kind, to, room);
    return;
  }
  snprintf(to, room,
           "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: %s\r\n%s\r\n",
           accept,
           w->policy.compress
             ? "Sec-WebSocket-Extensions: permessage-deflate\r\n"
             : "");
}

static void write_request (const struct world *w, char *to, size_t room) {
  snprintf(to, room,
           "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: "
           "Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s"
           "\r\n%s\r\n",
           input_byte(w->in) < 240 ? "dGhlIHNhbXBsZSBub25jZQ==" : "no",
           w->policy.compress
             ? "Sec-WebSocket-Extensions: permessage-deflate\r\n"
             : "");
}

static void peer_opens (struct world *w) {
  char text[512];
  if (w->socket != SOCKET_OPEN || w->opened) return;
  if (w->manager.role == WSM_SERVER) write_request(w, text, sizeof text);
  else write_answer(w, text, sizeof text);
  world_read(w, (const unsigned char *)text, strlen(text));
}

static void connect_or_not (struct world *w) {
  struct wsm_error e;
  if (w->socket != SOCKET_CONNECTING) return;
  if (input_byte(w->in) < 200) {
    w->socket = SOCKET_OPEN;
    wsm_manager_connected(&w->manager, w->now);
    return;
  }
  wsm_error_set(&e, WSM_REFUSED, "nobody listens");
  world_lose(w, &e);
}

static void cut_off (struct world *w) {
  struct wsm_error e;
  if (w->socket != SOCKET_OPEN) return;
  wsm_error_set(&e, WSM_CLOSED, "reset");
  world_lose(w, input_flag(w->in) ? &e : NULL);
}

/* --- a life --- */

static void act_on_manager (struct world *w, unsigned what) {
  wsm_memory_fail(w->fails);
  if (what < 4) send_one(w);
  else if (what < 7) receiving_take(w, 1 + what);
  else if (what < 9) world_write(w, what == 8);
  else if (what < 12) connect_or_not(w);
  else if (what == 12) cut_off(w);
  else if (what < 16) pop_event(w);
  else if (what < 19) pass_time(w);
  else if (what == 19) wsm_session_scan(&w->manager.session);
  else if (what == 20) close_now(w);
  else if (what == 21) {
    wsm_manager_start(&w->manager, w->now);
    w->tries = 0;
  } else {
    log_in(w);
  }
  wsm_memory_fail(-1);
}

/* Whatever the peer sends: those that are known are in order, and bounded. */
static void require_pings (const struct wsm_manager *m) {
  const struct wsm_pings *p = m->pings;
  unsigned i;
  if (!p) return;
  REQUIRE(p->count <= WSM_PINGS_AWAITED && p->answered <= p->count);
  REQUIRE(p->noted <= p->answered);
  REQUIRE(wsm_state_has_session(m) || p->answered == p->count);
  for (i = 1; i < p->count; i++)
    REQUIRE(p->list[i - 1].number < p->list[i].number);
}

static void ping (struct world *w, bool awaited) {
  static const unsigned char text[] = "ping";
  struct wsm_manager *m = &w->manager;
  struct wsm_message payload = { NULL, 4, true };
  const bool full = m->pings && m->pings->count == WSM_PINGS_AWAITED;
  if (m->state != WSM_STATE_OPEN) return;
  if (w->now & 1) payload.data = text;
  if (wsm_heartbeat_ping(m, &payload, awaited, w->now) == 0)
    REQUIRE(w->memory_fails || (awaited && full) ||
            (m->session.closing & WSM_CLOSE_SENT));
  require_pings(m);
}

static void take_pong (struct world *w) {
  struct wsm_pings *p = w->manager.pings;
  uint64_t ms, number;
  require_pings(&w->manager);
  if (!p || p->count == 0) return;
  number = p->list[chance_below(&w->seed, p->count)].number;
  if (wsm_pings_take(p, number, &ms) == WSM_PONG_AWAITED)
    wsm_pings_forget(p, number);
  require_pings(&w->manager);
}

/* What the rules of liveness are told. */
static void act_on_liveness (struct world *w, unsigned what) {
  struct wsm_manager *m = &w->manager;
  struct wsm_heartbeat_rules rules = w->policy.heartbeat;
  if (what < 3) wsm_manager_acknowledge_heartbeat(m);
  else if (what < 5) wsm_manager_heard(m, w->now);
  else if (what < 8) delivery_act(w, what - 5);
  else if (what == 8 && w->socket == SOCKET_OPEN && w->done) w->hung_up = true;
  else if (what == 9) {
    rules.mode = (uint8_t)(input_byte(w->in) % 4);
    if (!wsm_manager_set_heartbeat(m, w->now & 1 ? &rules : NULL, w->now))
      REQUIRE(w->memory_fails);
  } else if (what < 12) {
    ping(w, what == 10);
  } else if (what == 12) {
    take_pong(w);
  } else if (what == 13) {
    wsm_manager_recovered(m, w->now);
  } else if (what == 14) {
    receiving_keep(w);
  } else {
    receiving_await_room(w);
  }
}

static void step (struct world *w) {
  const unsigned byte = input_byte(w->in), what = byte % 32;
  w->keys.left = WSM_KEYS_SIZE;
  if (byte > 239) act_on_liveness(w, byte - 240);
  else if (what < 22) act_on_manager(w, what);
  else if (what < 25) peer_sends(w);
  else if (what < 27) peer_sends_control(w);
  else if (what < 30) peer_opens(w);
  else if (what == 30) act_on_manager(w, what);
  else if (!w->memory_fails) delivery_act(w, 2);
  w->fails = w->memory_fails && what == 31 ? (long)(input_byte(w->in) & 7) : -1;
  world_update(w);
}

static void begin (struct world *w, struct input *in) {
  static const char url[] = "ws://example.com/";
  struct wsm_manager_setup setup;
  struct wsm_error e;
  unsigned number;
  memset(w, 0, sizeof *w);
  w->in = in;
  w->fails = -1;
  w->now = 1000000;
  number = input_byte(in);
  w->memory_fails = (number & 2) != 0;
  w->seed = number >> 2;
  policy_draw(&w->policy, in, number);
  delivery_begin(w, number);
  receiving_begin(w);
  w->keys.left = WSM_KEYS_SIZE;
  REQUIRE(wsm_url_parse(&w->url, url, sizeof url - 1, &e));
  w->request.url = &w->url;
  setup.role = number & 1 ? WSM_SERVER : WSM_CLIENT;
  setup.clock_ms = 0;
  setup.tls = false;
  setup.policy = &w->policy;
  setup.keys = &w->keys;
  setup.pool = number & 4 ? &w->pool : NULL;
  setup.seed = number;
  if (setup.role == WSM_SERVER) w->socket = SOCKET_OPEN;
  wsm_manager_init(&w->manager, &setup, w->now);
  notes_begin(w);
  wsm_manager_start(&w->manager, w->now);
  world_update(w);
}

/* The application closes, and nobody else does anything any more. */
static void end (struct world *w) {
  static const struct wsm_close_params params = { WSM_NORMAL, NULL, 0 };
  struct wsm_manager *m = &w->manager;
  struct wsm_message message;
  int looks;
  w->keys.left = WSM_KEYS_SIZE;
  wsm_manager_close(m, &params, w->now);
  world_update(w);
  if (input_flag(w->in)) world_write(w, true);
  world_update(w);
  for (looks = 0; looks < 1000 && m->state == WSM_STATE_CLOSING; looks++) {
    /* what waits may expire before there is nothing more to wait for */
    if (wsm_manager_deadline(m) == WSM_NEVER) cut_off(w);
    else if (wsm_manager_deadline(m) > w->now) w->now = wsm_manager_deadline(m);
    world_tick(w);
  }
  REQUIRE(m->state == WSM_STATE_CLOSED && w->socket == SOCKET_NONE);
  receiving_take(w, UINT_MAX);
  REQUIRE(wsm_manager_next(m, &message, w->now) == WSM_ENDED);
  receiving_end(w);
  notes_end(w);
  if (w->memory_fails) return;
  REQUIRE(m->counters.messages_out == w->delivered + w->login_sent);
  for (; w->received < w->peer_sent; w->received++)
    REQUIRE(!w->must[w->received]);
  while (wsm_manager_event(m) != WSM_EVENT_NONE) pop_event(w);
  delivery_end(w);
  if (w->ids) return;
  while (wsm_message_queue_first(&m->outbox, &message)) {
    world_deliver(w, message.data, message.length);
    wsm_message_queue_pop(&m->outbox);
  }
  REQUIRE(w->delivered + m->counters.dropped == w->sent);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  static struct world w;
  struct input in;
  int steps;
  in.at = data;
  in.left = size;
  begin(&w, &in);
  for (steps = 0; in.left > 0 && steps < STEPS; steps++) step(&w);
  end(&w);
  wsm_manager_free(&w.manager);
  wsm_buffer_clear(&w.kernel);
  wsm_pool_free(&w.pool);
  REQUIRE(wsm_memory_blocks() == 0);
  return 0;
}
