/* Any bytes of a client to a server's side of a connection: the request is parsed
** the way the binding shows it, and accepted, rejected or answered with a page;
** what is received is echoed. Whatever comes: the answer is one whole HTTP
** response, then nothing but frames, and the same however the bytes are cut. */
#include <string.h>

#include "base/memory.h"
#include "http/percent.h"
#include "http/request_target.h"
#include "manager/manager.h"
#include "model.h"
#include "peer.h"

#define ECHOES 500 /* at most */
#define BODY_LIMIT 300

enum trait {
  COMPRESS = 1,
  SMALL_HEAD = 2,   /* a short limit of the head */
  SMALL_OUTPUT = 4, /* of the output */
  LATE = 8,         /* the owner answers some bytes later */
  NO_MEMORY = 16,   /* memory fails at times */
  SLOW = 32,        /* the socket takes a part at a time */
  TICKS = 64,       /* time passes between the pieces */
  PAGES = 128       /* bodies are read, and requests may follow each other */
};

struct client {
  unsigned traits;
  unsigned answer; /* what the owner does with a request */
  uint32_t seed;
  uint64_t now;
  struct wsm_policy policy;
  struct wsm_keys keys;
  struct wsm_manager manager;
  struct wsm_buffer written; /* to the socket */
  struct texts echoes;       /* messages sent */
  unsigned requests;
  bool is_head; /* the request was a HEAD */
  bool waits;   /* the owner was told of a request and has not answered */
  bool gone;    /* the socket is closed */
};

static const char *const lines[] = {
  "GET /chat?a=1&b=%41+c&a HTTP/1.1\r\n",
  "Host: example.com:81\r\n",
  "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n",
  "Sec-WebSocket-Version: 13\r\n",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
  "\r\n",
  "Sec-WebSocket-Protocol: chat, superchat\r\n",
  "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
  "HEAD / HTTP/1.1\r\n",
  "POST http://u@[::1]:99/x HTTP/1.0\r\n",
  "Content-Length: 5\r\n\r\nhello",
  "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  "Origin: https://example.com\r\n",
  "Cookie: a=b\r\n",
  "Expect: 100-continue\r\n",
  "OPTIONS * HTTP/1.1\r\n",
  "Upgrade: h2c\r\n",
  "\x16\x03\x01\x02\x00\x01"
};

static bool has (const struct client *c, enum trait trait) {
  return (c->traits & trait) != 0;
}

/* --- what the binding shows of a request --- */

static void require_within (struct wsm_span s, const struct wsm_buffer *text) {
  const char *from = (const char *)wsm_buffer_bytes(text);
  if (s.length == 0) return;
  REQUIRE(s.text >= from);
  REQUIRE(s.text + s.length <= from + wsm_buffer_length(text));
}

/* At once and byte by byte. */
static void decode (struct wsm_span s) {
  unsigned char *to = malloc(s.length + 1), byte;
  long n, i;
  REQUIRE(to);
  n = wsm_percent_decode(to, s.length, s);
  REQUIRE(n >= 0 && (size_t)n <= s.length);
  for (i = 0; i < n; i++) {
    s = wsm_span_skip(s, wsm_percent_decode_byte(&byte, s));
    REQUIRE(byte == to[i]);
  }
  REQUIRE(s.length == 0);
  free(to);
}

static void look_at_request (struct client *c) {
  const struct wsm_manager *m = &c->manager;
  const struct wsm_buffer *text = &m->head_text;
  const char *bytes = (const char *)wsm_buffer_bytes(text);
  const size_t n = m->head_length;
  static struct wsm_head head;
  struct wsm_request_target target;
  struct wsm_error e;
  const char *why;
  REQUIRE(wsm_head_parse_request(&head, bytes, n, &e) == (long)n);
  REQUIRE(n <= c->policy.header_bytes);
  REQUIRE(wsm_buffer_length(text) - n <= (m->for_page ? BODY_LIMIT : 0));
  why = wsm_request_target_parse(&target, &head);
  if (why) REQUIRE(m->reject_status == 400 || m->reject_status == 405);
  if (!m->reject_status) REQUIRE(wsm_upgrade_is_asked_for(&head));
  require_within(target.host, text);
  if (target.path.length != 1) require_within(target.path, text);
  require_within(target.query, text);
  decode(target.path);
  decode(target.query);
  c->is_head = wsm_span_equals(head.method, wsm_span_of("HEAD"));
}

/* --- the owner --- */

/* What a page or a refusal is: its body often is long, its status any. */
static bool respond (struct client *c) {
  static const int statuses[] = { 200, 404, 426, 304, 204, 503 };
  static char body[9000];
  struct wsm_response r;
  memset(&r, 0, sizeof r);
  memset(body, 'b', sizeof body);
  r.status = statuses[c->answer % 6];
  r.headers = c->answer & 8 ? "Content-Type: text/html\r\nX-A: b\r\n" : NULL;
  r.body = body;
  r.length = c->answer & 64 ? sizeof body : c->answer % 100;
  r.head_only = c->is_head;
  r.persistent = has(c, PAGES) && (c->answer & 16);
  return wsm_manager_refuse(&c->manager, &r, c->now);
}

static bool accept_request (struct client *c) {
  static const char extra[] = "X-Room: 7\r\n";
  return wsm_manager_accept(&c->manager, c->answer & 2 ? "chat" : NULL,
                            c->answer & 4 ? extra : NULL, c->now);
}

static void lose (struct client *c) {
  if (!c->gone) wsm_manager_lost(&c->manager, NULL, c->now);
  c->gone = true;
}

static void answer_request (struct client *c) {
  const bool is_accepted = c->answer & 1;
  if (!c->waits || (has(c, LATE) && chance_below(&c->seed, 3))) return;
  c->waits = false;
  if (is_accepted ? accept_request(c) : respond(c)) return;
  REQUIRE(has(c, NO_MEMORY));
  lose(c);
}

static void take_events (struct client *c) {
  enum wsm_event event;
  while ((event = wsm_manager_event(&c->manager)) != WSM_EVENT_NONE) {
    wsm_manager_event_pop(&c->manager);
    if (event != WSM_EVENT_REQUEST) continue;
    REQUIRE(++c->requests == 1 || has(c, PAGES));
    c->waits = true;
    look_at_request(c);
  }
  answer_request(c);
}

static void echo (struct client *c) {
  struct wsm_message m;
  struct text text;
  while (wsm_manager_next(&c->manager, &m, c->now) == WSM_MESSAGE) {
    const unsigned opcode = m.binary ? WSM_BINARY : WSM_TEXT;
    text.data = m.data;
    text.length = m.length;
    text.mark = opcode;
    if (c->echoes.count < ECHOES &&
        wsm_manager_send(&c->manager, &m, NULL, c->now) == WSM_SENT) {
      wsm_memory_fail(-1);
      texts_add(&c->echoes, &text);
    }
    wsm_manager_pop(&c->manager, &m);
  }
}

/* --- the driver --- */

static void write_output (struct client *c, bool all) {
  size_t n;
  const unsigned char *bytes = wsm_manager_output(&c->manager, &n);
  if (c->gone || n == 0) return;
  if (has(c, SLOW) && !all) n = chance_below(&c->seed, n + 1);
  wsm_memory_fail(-1);
  REQUIRE(wsm_buffer_append(&c->written, bytes, n));
  wsm_manager_wrote(&c->manager, n, c->now);
}

static void do_what_is_wanted (struct client *c) {
  struct wsm_manager *m = &c->manager;
  const enum wsm_want want = wsm_manager_want(m);
  REQUIRE(want == WSM_WANT_NOTHING || want == WSM_WANT_FINISH ||
          want == WSM_WANT_DISCONNECT);
  if (want == WSM_WANT_DISCONNECT) c->gone = true;
  if (want == WSM_WANT_FINISH && wsm_manager_pending(m) == 0) lose(c);
}

static void update (struct client *c) {
  c->keys.left = WSM_KEYS_SIZE;
  take_events(c);
  echo(c);
  write_output(c, false);
  do_what_is_wanted(c);
}

static void tick (struct client *c) {
  static const uint64_t waits[] = { 1, 999, 5000, 10000, 31000 };
  if (!has(c, TICKS) || chance_below(&c->seed, 8)) return;
  c->now += waits[chance_below(&c->seed, 5)];
  wsm_manager_tick(&c->manager, c->now);
  update(c);
}

static void read_piece (struct client *c, const unsigned char *bytes,
                        size_t n) {
  unsigned char *to;
  if (has(c, NO_MEMORY)) wsm_memory_fail((long)chance_below(&c->seed, 12));
  to = wsm_session_reserve(&c->manager.session, n);
  if (to) {
    memcpy(to, bytes, n);
    wsm_session_commit(&c->manager.session, n);
    wsm_manager_received(&c->manager, n, c->now);
    update(c);
  } else {
    REQUIRE(has(c, NO_MEMORY));
    lose(c);
  }
  wsm_memory_fail(-1);
}

static void read_all (struct client *c, const struct wsm_buffer *input,
                      size_t largest) {
  const unsigned char *bytes = wsm_buffer_bytes(input);
  size_t left = wsm_buffer_length(input);
  while (left > 0 && !c->gone) {
    size_t n = 1 + chance_below(&c->seed, largest);
    if (n > left) n = left;
    read_piece(c, bytes, n);
    bytes += n;
    left -= n;
    tick(c);
  }
}

/* --- what the client gets --- */

static void require_frames (const struct client *c, size_t at) {
  struct wsm_compression agreed = c->policy.compression;
  struct model_rules rules;
  struct model m;
  struct text sent, received;
  size_t i = 0, k = 0;
  memset(&m, 0, sizeof m);
  agreed.peer_window = 15;
  agreed.peer_takeover = true;
  rules.role = WSM_CLIENT;
  rules.limits.message = rules.limits.frame = 1u << 24;
  rules.limits.fragments = 1;
  rules.agreed = c->manager.agreed.extensions.length ? &agreed : NULL;
  if (wsm_buffer_length(&c->written) > at)
    model_read(&m, &rules, wsm_buffer_bytes(&c->written) + at,
               wsm_buffer_length(&c->written) - at);
  REQUIRE(m.end != MODEL_FAILED);
  while (texts_take(&m.messages, &k, &received)) {
    REQUIRE(texts_take(&c->echoes, &i, &sent));
    REQUIRE(sent.mark == received.mark && sent.length == received.length);
    REQUIRE(sent.length == 0 ||
            memcmp(sent.data, received.data, sent.length) == 0);
  }
  model_clear(&m);
}

/* The body is as long as the head says, and nothing follows. */
static void require_body (const struct client *c, const struct wsm_head *head,
                          size_t at) {
  const struct wsm_header *length = wsm_head_find(head, "Content-Length");
  const size_t body = wsm_buffer_length(&c->written) - at;
  const bool is_whole = wsm_manager_pending(&c->manager) == 0;
  size_t n = 0, i;
  REQUIRE(wsm_head_lists(head, "Connection", "close"));
  for (i = 0; length && i < length->value.length; i++)
    n = n * 10 + (size_t)(length->value.text[i] - '0');
  if (c->is_head || head->status == 204 || head->status == 304) n = 0;
  REQUIRE(body <= n);
  if (is_whole && !has(c, TICKS | NO_MEMORY)) REQUIRE(body == n);
}

/* Returns the status of the response; 0: there is none. */
static int require_response (const struct client *c) {
  const size_t n = wsm_buffer_length(&c->written);
  static struct wsm_head head;
  struct wsm_error e;
  long length;
  if (n == 0) return 0;
  length = wsm_head_parse_response(
    &head, (const char *)wsm_buffer_bytes(&c->written), n, &e);
  REQUIRE(length >= 0);
  if (length == 0) return 0;
  if (head.status == 101) require_frames(c, (size_t)length);
  else if (!has(c, PAGES)) require_body(c, &head, (size_t)length);
  return head.status;
}

/* --- a run --- */

static void set_policy (struct client *c) {
  struct wsm_policy *p = &c->policy;
  wsm_policy_defaults(p);
  p->compress = has(c, COMPRESS);
  p->compression.threshold = 0;
  if (has(c, SMALL_HEAD)) p->header_bytes = 200;
  if (has(c, SMALL_OUTPUT)) p->output_bytes = 300;
  p->limits.message = p->limits.frame = 5000;
  p->pages = has(c, PAGES);
  p->body_bytes = BODY_LIMIT;
}

static void begin (struct client *c, const struct client *like) {
  struct wsm_manager_setup setup;
  memset(c, 0, sizeof *c);
  c->traits = like->traits;
  c->answer = like->answer;
  c->seed = like->seed;
  c->now = 1000000;
  set_policy(c);
  c->keys.left = WSM_KEYS_SIZE;
  memset(&setup, 0, sizeof setup);
  setup.role = WSM_SERVER;
  setup.policy = &c->policy;
  setup.keys = &c->keys;
  setup.seed = c->seed;
  wsm_manager_init(&c->manager, &setup, c->now);
  wsm_manager_start(&c->manager, c->now);
}

/* The client sends nothing more, and the owner closes. */
static void end (struct client *c) {
  static const struct wsm_close_params params = { WSM_NORMAL, NULL, 0 };
  int i;
  if (has(c, PAGES) && !c->gone && (c->answer & 32))
    wsm_manager_half_closed(&c->manager);
  for (i = 0; i < 4; i++) write_output(c, true);
  wsm_manager_close(&c->manager, &params, c->now);
  do_what_is_wanted(c);
  for (i = 0; i < 4 && !c->gone; i++) {
    write_output(c, true);
    do_what_is_wanted(c);
    if (wsm_manager_deadline(&c->manager) != WSM_NEVER)
      c->now = wsm_manager_deadline(&c->manager);
    wsm_manager_tick(&c->manager, c->now);
    do_what_is_wanted(c);
  }
  lose(c);
  REQUIRE(wsm_manager_state(&c->manager) == WSM_STATE_CLOSED);
}

static int serve (const struct client *like, const struct wsm_buffer *input,
                  size_t largest) {
  static struct client c;
  int status;
  begin(&c, like);
  read_all(&c, input, largest);
  end(&c);
  status = require_response(&c);
  wsm_manager_free(&c.manager);
  wsm_buffer_clear(&c.written);
  texts_clear(&c.echoes);
  return status;
}

/* The first bytes are lines of a head, the others frames of a peer. */
static void make_input (struct wsm_buffer *to, struct input *in,
                        bool compress) {
  static const struct peer_lines all = { lines, sizeof lines / sizeof *lines };
  static const struct wsm_compression agreed = {
    .window = 15, .peer_window = 15, .takeover = true, .peer_takeover = true
  };
  struct input head;
  head.left = input_byte(in);
  head.at = input_piece(in, &head.left);
  peer_lines(to, &head, &all);
  peer_write(to, in, WSM_SERVER, compress ? &agreed : NULL);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  static const size_t pieces[] = { 1, 7, 100, 3000 };
  struct client like;
  struct wsm_buffer input;
  struct input in;
  unsigned how;
  int status;
  in.at = data;
  in.left = size;
  memset(&like, 0, sizeof like);
  memset(&input, 0, sizeof input);
  like.traits = input_byte(&in);
  like.answer = input_byte(&in);
  how = input_byte(&in);
  like.seed = how * 7919u;
  make_input(&input, &in, like.traits & COMPRESS);
  status = serve(&like, &input, pieces[how & 3]);
  if (!(like.traits & (NO_MEMORY | LATE | TICKS | SMALL_HEAD)))
    REQUIRE((status == 101) == (serve(&like, &input, SIZE_MAX / 2) == 101));
  wsm_buffer_clear(&input);
  REQUIRE(wsm_memory_blocks() == 0);
  return 0;
}
