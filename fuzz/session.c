/* A session reads a peer's bytes in random cuts while an application sends and
** the socket accepts parts of the output: it must read what model.h reads, and
** model.h must read from the output what was sent. */
#include "websocket/session.h"

#include <string.h>

#include "base/memory.h"
#include "input.h"
#include "model.h"
#include "peer.h"

#define MESSAGES 48  /* that the application sends at most */
#define CROWDED 4096 /* bytes of output beyond which pongs may be left out */
#define PINGS 1000   /* the number of the last ping that was sent */

enum traits {
  SERVER = 1,
  DEFLATE = 2,
  LAZY = 4,       /* leaves messages untaken and scans */
  SENDS = 8,      /* the application sends */
  RAW = 16,       /* the input is the peer's bytes */
  CLOSES = 32,    /* the application closes */
  NO_MEMORY = 64, /* allocations fail: nothing is compared */
  HEAD = 128      /* an HTTP head precedes the first frame */
};

struct world {
  unsigned traits;
  uint32_t seed;
  struct wsm_limits limits;
  struct wsm_compression agreed;
  struct model_rules rules;
  struct wsm_keys keys;
  struct wsm_pool pool;
  struct wsm_error error;
  struct wsm_session session;
  struct model expected;
  size_t expected_at; /* the next message in it */
  struct wsm_buffer written;
  size_t sizes[MESSAGES], count; /* what was sent */
  unsigned closed;               /* by the application; 0: not */
  bool crowded;                  /* pongs may be left out */
};

static bool has (const struct world *w, unsigned trait) {
  return (w->traits & trait) != 0;
}

/* --- what the application sends --- */

static const char head[] = "HTTP/1.1 101 Fine\r\nName: value\r\n\r\n";

static unsigned char sent_byte (size_t message, size_t i) {
  return (unsigned char)((message * 31 + i * (1 + message % 3)) & 0x7F);
}

static unsigned sent_opcode (size_t message) {
  return message % 3 ? WSM_TEXT : WSM_BINARY;
}

/* m must be the message number i of those sent. */
static void require_sent (const struct world *w, size_t i,
                          const struct wsm_message *m) {
  size_t k;
  REQUIRE(i < w->count);
  REQUIRE(m->length == w->sizes[i]);
  REQUIRE(m->binary == (sent_opcode(i) == WSM_BINARY));
  for (k = 0; k < m->length; k++) REQUIRE(m->data[k] == sent_byte(i, k));
}

/* Sends a frame of wsm_session_write_frame. */
static bool broadcast (struct world *w, const unsigned char *data, size_t n) {
  struct wsm_buffer frame;
  bool sent;
  memset(&frame, 0, sizeof frame);
  sent = wsm_session_write_frame(&frame, sent_opcode(w->count), data, n) &&
         wsm_session_send_frame(&w->session, wsm_buffer_bytes(&frame),
                                wsm_buffer_length(&frame));
  wsm_buffer_clear(&frame);
  return sent;
}

static void send_one (struct world *w) {
  static unsigned char data[70000];
  static const size_t sizes[] = { 0, 1, 125, 126, 300, 2000, 65535, 70000 };
  const size_t i = w->count;
  const size_t kinds = chance_below(&w->seed, 16) ? 5 : 8;
  const size_t n = sizes[chance_below(&w->seed, kinds)];
  size_t k;
  if (i == MESSAGES || (w->session.closing & WSM_CLOSE_SENT)) return;
  for (k = 0; k < n; k++) data[k] = sent_byte(i, k);
  if (has(w, SERVER) && i % 5 == 4
        ? broadcast(w, data, n)
        : wsm_session_send(&w->session, sent_opcode(i), data, n))
    w->sizes[w->count++] = n;
  else REQUIRE(has(w, NO_MEMORY));
}

static void ping (struct world *w) {
  if (!wsm_session_ping(&w->session, PINGS) ||
      !wsm_session_ping_with(&w->session, "mine", 4))
    REQUIRE(has(w, NO_MEMORY) || (w->session.closing & WSM_CLOSE_SENT));
}

static void close_now (struct world *w) {
  if (w->session.closing & WSM_CLOSE_SENT) return;
  if (wsm_session_close(&w->session, 4321, "bye", 3)) w->closed = 4321;
  else REQUIRE(has(w, NO_MEMORY));
}

/* How many of the n bytes are accepted; half of the time whole frames. All n are
** in w->written. */
static size_t accepted_part (struct world *w, size_t n) {
  const size_t had = wsm_buffer_length(&w->written) - n;
  const size_t start = has(w, HEAD) ? sizeof head - 1 : 0;
  if (chance_below(&w->seed, 2)) return chance_below(&w->seed, n + 1);
  return peer_boundary(&w->written, start, had) - had;
}

/* The socket accepts a part of the output, or all. */
static void take_output (struct world *w, bool all) {
  const struct wsm_session *s = &w->session;
  size_t n, taken;
  const unsigned char *bytes = wsm_session_output(s, &n);
  if (n == 0) return;
  taken = n;
  if (has(w, NO_MEMORY)) {
    taken = chance_below(&w->seed, n + 1);
  } else {
    REQUIRE(wsm_buffer_append(&w->written, bytes, n));
    if (!all) taken = accepted_part(w, n);
    w->written.end -= n - taken;
  }
  wsm_session_sent(&w->session, taken);
}

static void flush (struct world *w) {
  size_t n = 1;
  while (n > 0) {
    w->keys.left = WSM_KEYS_SIZE;
    take_output(w, true);
    wsm_session_output(&w->session, &n);
  }
}

/* --- what the session reads --- */

static void require_expected (struct world *w, const struct wsm_message *m) {
  struct text text;
  if (has(w, NO_MEMORY)) return;
  REQUIRE(texts_take(&w->expected.messages, &w->expected_at, &text));
  REQUIRE(m->binary == (text.mark == WSM_BINARY));
  REQUIRE(m->length == text.length);
  REQUIRE(m->length == 0 || memcmp(m->data, text.data, m->length) == 0);
}

static void require_bounded (const struct world *w) {
  const struct wsm_session *s = &w->session;
  const size_t limit = (size_t)w->limits.message;
  REQUIRE(wsm_session_unread(s) == 0);
  REQUIRE(wsm_buffer_length(&s->in) < limit + WSM_FRAME_HEADER + 126);
  if (s->deflate) {
    REQUIRE(wsm_buffer_length(&s->deflate->message) <= limit);
    /* a pool's spare block may be larger than was asked for */
    REQUIRE(s->deflate->message.pool ||
            s->deflate->message.size <= limit + WSM_BLOCK_SIZE);
  }
}

static void take_messages (struct world *w) {
  struct wsm_message m;
  while (wsm_session_next(&w->session, &m) == WSM_MESSAGE) {
    struct wsm_message again;
    REQUIRE(wsm_session_next(&w->session, &again) == WSM_MESSAGE);
    REQUIRE(again.data == m.data && again.length == m.length);
    require_expected(w, &m);
    wsm_session_pop(&w->session);
    if (has(w, LAZY) && chance_below(&w->seed, 4) == 0) return;
  }
  require_bounded(w);
}

static void receive (struct world *w) {
  if (has(w, LAZY) && chance_below(&w->seed, 2)) {
    wsm_session_next(&w->session, NULL);
    wsm_session_scan(&w->session);
  } else {
    take_messages(w);
  }
}

static bool feed (struct world *w, const unsigned char *bytes, size_t n) {
  unsigned char *to = wsm_session_reserve(&w->session, n);
  if (!to) return false;
  memcpy(to, bytes, n);
  wsm_session_commit(&w->session, n);
  return true;
}

static size_t cut (struct world *w, size_t left) {
  static const size_t limit[] = { 1, 3, 40, 1000, 100000 };
  const size_t n = 1 + chance_below(&w->seed, limit[w->seed >> 16 & 3]);
  return n < left ? n : left;
}

static void step (struct world *w) {
  w->keys.left = WSM_KEYS_SIZE;
  if (has(w, SENDS) && chance_below(&w->seed, 4) == 0) send_one(w);
  if (has(w, SENDS) && chance_below(&w->seed, 16) == 0) ping(w);
  if (has(w, CLOSES) && chance_below(&w->seed, 40) == 0) close_now(w);
  if (wsm_session_pending(&w->session) > CROWDED) w->crowded = true;
  receive(w);
  if (chance_below(&w->seed, 3) == 0) take_output(w, false);
}

static void run (struct world *w, const struct wsm_buffer *input) {
  const unsigned char *bytes = wsm_buffer_bytes(input);
  size_t left = wsm_buffer_length(input);
  while (left > 0) {
    const size_t n = cut(w, left);
    if (!feed(w, bytes, n)) return;
    bytes += n;
    left -= n;
    step(w);
  }
  w->traits &= ~(unsigned)LAZY;
  take_messages(w);
}

/* --- the comparison --- */

/* The model does not know whether our close frame went first. */
static bool is_lenient_end (const struct world *w) {
  const struct wsm_session *s = &w->session;
  const struct model *m = &w->expected;
  return m->end == MODEL_FAILED && m->answers && w->closed &&
         (s->closing & WSM_CLOSE_RECEIVED);
}

static void require_same_end (const struct world *w) {
  const struct wsm_session *s = &w->session;
  const struct model *m = &w->expected;
  const unsigned over = WSM_CLOSE_RECEIVED | WSM_CLOSE_FAILED;
  REQUIRE(w->expected_at == wsm_buffer_length(&m->messages.bytes));
  if (m->end == MODEL_OPEN) {
    REQUIRE((s->closing & over) == 0);
    return;
  }
  if (is_lenient_end(w)) {
    REQUIRE(!(s->closing & WSM_CLOSE_FAILED));
    REQUIRE(s->close_code == m->answer_code && s->reason_length == 0);
    return;
  }
  REQUIRE((s->closing & over) ==
          (m->end == MODEL_CLOSED ? WSM_CLOSE_RECEIVED : WSM_CLOSE_FAILED));
  REQUIRE(s->closing & WSM_CLOSE_SENT);
  REQUIRE(!s->in.data);
  if (m->inflating && (m->code == WSM_INVALID_DATA || m->code == WSM_TOO_BIG))
    REQUIRE(s->close_code == WSM_INVALID_DATA || s->close_code == WSM_TOO_BIG);
  else REQUIRE(s->close_code == m->code);
  if (m->end == MODEL_FAILED) REQUIRE(w->error.token != WSM_NONE);
  if (m->end == MODEL_CLOSED)
    REQUIRE(s->reason_length == m->reason_length &&
            (s->reason_length == 0 ||
             memcmp(s->reason, m->reason, s->reason_length) == 0));
}

static uint64_t highest_pong (const struct texts *pongs) {
  uint64_t highest = 0;
  struct text t;
  size_t at = 0, i;
  while (texts_take(pongs, &at, &t)) {
    uint64_t number = 0;
    if (t.length != 8) continue;
    for (i = 0; i < 8; i++) number = number << 8 | t.data[i];
    if (number <= PINGS && number > highest) highest = number;
  }
  return highest;
}

static void require_same_pings (const struct world *w, bool scanned) {
  const struct wsm_session *s = &w->session;
  const struct model *m = &w->expected;
  const uint64_t highest = highest_pong(&m->pongs);
  if (scanned && m->end != MODEL_OPEN) {
    REQUIRE(s->pings >= m->pings.count && s->pongs >= m->pongs.count);
    REQUIRE(s->pong_seen >= highest);
    return;
  }
  REQUIRE(s->pings == m->pings.count && s->pongs == m->pongs.count);
  REQUIRE(s->pong_seen == highest);
}

static bool is_same (const struct text *a, const struct text *b) {
  return a->length == b->length &&
         (a->length == 0 || memcmp(a->data, b->data, a->length) == 0);
}

/* The pongs answer the pings in order: all of them, those before our close frame,
** or with much output some of them and the last. */
static void require_pongs (const struct world *w, const struct model *received,
                           bool scanned) {
  const struct texts *pings = &w->expected.pings;
  struct text ping = { NULL, 0, 0 }, pong = { NULL, 0, 0 };
  size_t i = 0, k = 0;
  while (texts_take(&received->pongs, &k, &pong)) {
    bool found = false;
    while (!found && texts_take(pings, &i, &ping)) {
      found = is_same(&ping, &pong);
      REQUIRE(found || w->crowded);
    }
    if (!found) REQUIRE(scanned && w->expected.end != MODEL_OPEN);
    if (!found) return;
  }
  if (w->closed || (w->crowded && w->expected.end != MODEL_OPEN)) return;
  if (!w->crowded) REQUIRE(i == wsm_buffer_length(&pings->bytes));
  while (texts_take(pings, &i, &ping)) continue;
  REQUIRE(is_same(&ping, &pong));
}

/* Our close frame, if there must be one. */
static void require_close_frame (const struct world *w,
                                 const struct model *received) {
  const unsigned code = w->closed ? w->closed : w->session.close_code;
  if (!(w->session.closing & WSM_CLOSE_SENT)) {
    REQUIRE(received->end == MODEL_OPEN);
    return;
  }
  REQUIRE(received->end == MODEL_CLOSED);
  REQUIRE(received->code == code);
}

/* The peer reads what was written. */
static void read_output (const struct world *w, struct model *received) {
  struct model_rules rules;
  size_t skipped = has(w, HEAD) ? sizeof head - 1 : 0;
  const size_t n = wsm_buffer_length(&w->written);
  struct wsm_compression agreed = w->agreed;
  agreed.peer_window = w->agreed.window;
  agreed.peer_takeover = w->agreed.takeover;
  rules.role = has(w, SERVER) ? WSM_CLIENT : WSM_SERVER;
  rules.limits.message = rules.limits.frame = 1u << 20;
  rules.limits.fragments = 1;
  rules.agreed = has(w, DEFLATE) ? &agreed : NULL;
  if (skipped > n) skipped = n;
  if (n > skipped)
    model_read(received, &rules, wsm_buffer_bytes(&w->written) + skipped,
               n - skipped);
  REQUIRE(received->end != MODEL_FAILED);
}

/* The messages received and those given back are all that were sent. */
static void require_messages (struct world *w, const struct model *received) {
  struct wsm_message m;
  struct text text;
  size_t at = 0, i = 0;
  while (texts_take(&received->messages, &at, &text)) {
    m.data = text.data;
    m.length = text.length;
    m.binary = text.mark == WSM_BINARY;
    require_sent(w, i++, &m);
  }
  at = 0;
  while (wsm_session_unsent(&w->session, &at, &m)) require_sent(w, i++, &m);
  REQUIRE(i == w->count);
}

static void compare (struct world *w, bool scanned) {
  struct model received;
  const bool flushed = chance_below(&w->seed, 2) == 0;
  memset(&received, 0, sizeof received);
  require_same_end(w);
  require_same_pings(w, scanned);
  if (flushed) flush(w);
  read_output(w, &received);
  if (flushed) require_pongs(w, &received, scanned);
  if (flushed) require_close_frame(w, &received);
  require_messages(w, &received);
  model_clear(&received);
}

/* --- a run --- */

static void set_up (struct world *w, struct input *in) {
  static const uint64_t sizes[] = { 300, 1000, 5000, 100, 70000 };
  struct wsm_session_setup setup;
  unsigned number;
  memset(&setup, 0, sizeof setup);
  memset(w, 0, sizeof *w);
  w->traits = input_byte(in);
  number = input_byte(in);
  w->limits.message = sizes[number % 5];
  w->limits.frame = sizes[number / 5 % 5];
  w->limits.fragments = 1 + number / 25;
  w->seed = input_byte(in) << 8;
  w->seed |= input_byte(in);
  number = input_byte(in);
  w->agreed.window = (uint8_t)(8 + (number & 7));
  w->agreed.peer_window = (uint8_t)(8 + (number >> 3 & 7));
  w->agreed.takeover = (number & 64) != 0;
  w->agreed.peer_takeover = (number & 128) != 0;
  w->agreed.level = (uint8_t)(number % 10);
  w->agreed.threshold = number & 1 ? 0 : 200;
  w->rules.role = setup.role = has(w, SERVER) ? WSM_SERVER : WSM_CLIENT;
  w->rules.limits = w->limits;
  w->rules.agreed = has(w, DEFLATE) ? &w->agreed : NULL;
  memset(w->keys.block, 0x5C, 64);
  w->keys.left = WSM_KEYS_SIZE;
  setup.limits = &w->limits;
  setup.keys = &w->keys;
  setup.pool = w->seed & 1 ? &w->pool : NULL;
  setup.error = &w->error;
  wsm_session_init(&w->session, &setup);
  w->session.ping_sent = PINGS;
}

static void make_input (const struct world *w, struct input *in,
                        struct wsm_buffer *input) {
  if (has(w, RAW)) REQUIRE(wsm_buffer_append(input, in->at, in->left));
  else peer_write(input, in, w->rules.role, w->rules.agreed);
}

static bool prepare (struct world *w) {
  if (has(w, DEFLATE) && !wsm_session_deflate(&w->session, &w->agreed))
    return false;
  return !has(w, HEAD) ||
         wsm_buffer_append(&w->session.out, head, sizeof head - 1);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  static struct world w;
  struct wsm_buffer input;
  struct input in;
  bool scanned;
  in.at = data;
  in.left = size;
  memset(&input, 0, sizeof input);
  set_up(&w, &in);
  make_input(&w, &in, &input);
  if (!has(&w, NO_MEMORY))
    model_read(&w.expected, &w.rules, wsm_buffer_bytes(&input),
               wsm_buffer_length(&input));
  scanned = has(&w, LAZY);
  if (has(&w, NO_MEMORY)) wsm_memory_fail((long)(w.seed >> 8 & 31));
  if (prepare(&w)) run(&w, &input);
  wsm_memory_fail(-1);
  if (!has(&w, NO_MEMORY)) compare(&w, scanned);
  wsm_session_free(&w.session);
  model_clear(&w.expected);
  wsm_buffer_clear(&w.written);
  wsm_buffer_clear(&input);
  wsm_pool_free(&w.pool);
  REQUIRE(wsm_memory_blocks() == 0);
  return 0;
}
