/* Two ends of TLS in memory, and somebody between them who flips, cuts, drops,
** repeats and invents bytes. Whatever he does: an end gets a prefix of what the
** other sent, nothing from the first changed record on, and the end of a
** connection only from its peer. */
#include <string.h>

#include "base/memory.h"
#include "input.h"
#include "tls/context.h"
#include "tls_identity.h"

#define STEPS 300
#define RECORDS 1000 /* at most, of one side */

/* After so many bytes of ciphertext the other side may have so many of ours. */
struct record {
  size_t cipher, plain;
};

/* One end, and what it sent. */
struct end {
  struct wsm_tls *tls;
  struct wsm_tls_context *context;
  struct wsm_buffer wire; /* all that it put out */
  size_t carried;         /* of the wire, delivered, dropped or replaced */
  size_t plain;           /* sealed so far */
  struct record records[RECORDS];
  size_t count;
  bool closed; /* it sent close_notify, after all of `plain` */
};

/* What the other end did with what was delivered to it. */
struct arrival {
  struct wsm_buffer bytes; /* plaintext */
  size_t delivered;        /* ciphertext */
  bool changed;            /* not the same as the peer's wire any more ... */
  size_t same;             /* ... after so many bytes */
  bool early;              /* that was before both ends were open */
  enum wsm_tls_status status;
  bool was_open;
};

struct world {
  struct input in;
  bool memory_fails;
  struct end ends[2]; /* the client's and the server's */
  struct arrival arrivals[2];
};

static unsigned char sent_byte (int side, size_t at) {
  return (unsigned char)(at * 7 + at / 251 + (side ? 101 : 0));
}

/* --- sending --- */

static void take_output (struct world *w, int side) {
  struct end *e = &w->ends[side];
  struct wsm_buffer *out = wsm_tls_output(e->tls);
  const size_t n = wsm_buffer_length(out);
  if (n == 0) return;
  wsm_memory_fail(-1);
  REQUIRE(wsm_buffer_append(&e->wire, wsm_buffer_bytes(out), n));
  wsm_buffer_consume(out, n);
}

static void note_record (struct end *e) {
  struct record *r = &e->records[e->count++];
  r->cipher = wsm_buffer_length(&e->wire);
  r->plain = e->plain;
}

static void seal (struct world *w, int side) {
  static const size_t sizes[] = { 1, 5, 100, 1000, 16384 };
  static unsigned char bytes[16384];
  struct end *e = &w->ends[side];
  const size_t n = sizes[input_byte(&w->in) % 5];
  struct wsm_error why;
  size_t i;
  if (e->count == RECORDS) return;
  take_output(w, side);
  for (i = 0; i < n; i++) bytes[i] = sent_byte(side, e->plain + i);
  if (wsm_tls_seal(e->tls, bytes, n, &why)) {
    REQUIRE(w->arrivals[side].status == WSM_TLS_OPEN && !e->closed);
    e->plain += n;
  } else {
    REQUIRE(why.token != WSM_NONE && why.detail[0]);
  }
  take_output(w, side);
  note_record(e);
}

static void close_end (struct world *w, int side) {
  struct end *e = &w->ends[side];
  if (w->arrivals[side].status == WSM_TLS_OPEN) e->closed = true;
  wsm_tls_close(e->tls);
  take_output(w, side);
}

/* --- what arrives --- */

/* The plaintext of the peer's records that arrived whole and unchanged. A change
** during the handshake may be harmless: the version in the head of a record, or
** RFC 8446's ChangeCipherSpec, are not authenticated. */
static size_t proven (const struct world *w, int side) {
  const struct end *peer = &w->ends[!side];
  const struct arrival *a = &w->arrivals[side];
  size_t plain = 0, i;
  if (a->early) return peer->plain;
  for (i = 0; i < peer->count && peer->records[i].cipher <= a->same; i++)
    plain = peer->records[i].plain;
  return plain;
}

static void require_honest (const struct world *w, int side) {
  const struct arrival *a = &w->arrivals[side];
  const struct end *peer = &w->ends[!side];
  const size_t n = wsm_buffer_length(&a->bytes);
  size_t i;
  REQUIRE(n <= proven(w, side));
  for (i = 0; i < n; i++)
    REQUIRE(wsm_buffer_bytes(&a->bytes)[i] == sent_byte(!side, i));
  if (a->status == WSM_TLS_ENDED && a->was_open)
    REQUIRE(peer->closed && (n == peer->plain || w->memory_fails));
  if (a->status == WSM_TLS_FAILED && !w->memory_fails)
    REQUIRE(a->changed || w->arrivals[!side].changed);
}

static void compare_wire (struct world *w, int side, const void *bytes,
                          size_t n) {
  struct arrival *a = &w->arrivals[side];
  const struct wsm_buffer *wire = &w->ends[!side].wire;
  const unsigned char *got = bytes;
  size_t i;
  for (i = 0; i < n && !a->changed; i++) {
    const size_t at = a->delivered + i;
    a->changed = at >= wsm_buffer_length(wire) ||
                 wsm_buffer_bytes(wire)[at] != got[i];
    if (!a->changed) a->same = at + 1;
  }
  a->delivered += n;
  a->early |= a->changed && !(a->was_open && w->arrivals[!side].was_open);
}

static void feed (struct world *w, int side, const void *bytes, size_t n) {
  struct end *e = &w->ends[side];
  struct arrival *a = &w->arrivals[side];
  const enum wsm_tls_status before = a->status;
  struct wsm_error why;
  why.detail[0] = '\0';
  compare_wire(w, side, bytes, n);
  if (w->memory_fails) wsm_memory_fail((long)(input_byte(&w->in) & 15));
  a->status = wsm_tls_feed(e->tls, bytes, n, &a->bytes, &why);
  wsm_memory_fail(-1);
  a->was_open |= a->status == WSM_TLS_OPEN;
  REQUIRE(a->status >= before);
  if (a->status == WSM_TLS_FAILED)
    REQUIRE(why.detail[0] && strlen(why.detail) < WSM_DETAIL_SIZE);
  take_output(w, side);
  require_honest(w, side);
}

/* --- the one between them --- */

/* How much of what is under way to a side he takes in hand. */
static size_t portion (struct world *w, int side) {
  const struct end *peer = &w->ends[!side];
  const size_t left = wsm_buffer_length(&peer->wire) - peer->carried;
  const unsigned how = input_byte(&w->in);
  const size_t n = how < 128 ? left : how - 127;
  return n < left ? n : left;
}

/* NULL: nothing is under way. */
static const unsigned char *next_bytes (const struct world *w, int side) {
  const struct end *peer = &w->ends[!side];
  if (peer->carried == wsm_buffer_length(&peer->wire)) return NULL;
  return wsm_buffer_bytes(&peer->wire) + peer->carried;
}

static void deliver (struct world *w, int side) {
  const size_t n = portion(w, side);
  const unsigned char *bytes = next_bytes(w, side);
  w->ends[!side].carried += n;
  if (n > 0) feed(w, side, bytes, n);
}

static void flip (struct world *w, int side) {
  const size_t n = portion(w, side);
  const size_t at = input_byte(&w->in) * 257u + input_byte(&w->in);
  unsigned char *bytes;
  if (n == 0) return;
  bytes = malloc(n);
  REQUIRE(bytes);
  memcpy(bytes, next_bytes(w, side), n);
  bytes[at % n] ^= (unsigned char)(1u << (at & 7));
  w->ends[!side].carried += n;
  feed(w, side, bytes, n);
  free(bytes);
}

static void drop (struct world *w, int side) {
  w->ends[!side].carried += portion(w, side);
}

static void repeat (struct world *w, int side) {
  const struct end *peer = &w->ends[!side];
  size_t from = input_byte(&w->in) * 257u + input_byte(&w->in);
  size_t n = 1u + input_byte(&w->in) * 4u;
  if (from >= peer->carried) return;
  if (n > peer->carried - from) n = peer->carried - from;
  feed(w, side, wsm_buffer_bytes(&peer->wire) + from, n);
}

static void invent (struct world *w, int side) {
  static const unsigned char alert[] = { 21, 3, 3, 0, 2, 1, 0 };
  static const unsigned char data[] = { 23, 3, 3, 0, 4, 'e', 'v', 'i', 'l' };
  const unsigned what = input_byte(&w->in);
  size_t n = what;
  const uint8_t *bytes;
  if (what > 250) feed(w, side, alert, sizeof alert);
  else if (what > 245) feed(w, side, data, sizeof data);
  else if ((bytes = input_piece(&w->in, &n)) && n > 0) feed(w, side, bytes, n);
}

static void step (struct world *w) {
  const unsigned what = input_byte(&w->in);
  const int side = what & 1;
  switch (what >> 1 & 15) {
    case 0:
    case 1:
    case 2:
      seal(w, side);
      break;
    case 3:
      if (what > 200) close_end(w, side);
      break;
    case 4:
      flip(w, side);
      break;
    case 5:
      drop(w, side);
      break;
    case 6:
      repeat(w, side);
      break;
    case 7:
      invent(w, side);
      break;
    default:
      deliver(w, side);
  }
}

/* --- a run --- */

/* Carries all there is until nobody puts out any more. */
static void settle (struct world *w) {
  int side = 0, quiet = 0;
  while (quiet < 2) {
    struct end *peer = &w->ends[!side];
    const size_t n = wsm_buffer_length(&peer->wire) - peer->carried;
    const unsigned char *bytes = next_bytes(w, side);
    peer->carried += n;
    quiet = n ? 0 : quiet + 1;
    if (n > 0) feed(w, side, bytes, n);
    side = !side;
  }
}

static void connect_ends (struct world *w) {
  struct wsm_error e;
  int side;
  for (side = 0; side < 2; side++) {
    const struct wsm_tls_setup setup = { side ? NULL : "localhost", NULL, false,
                                         false };
    w->ends[side].tls = wsm_tls_new(w->ends[side].context, &setup, &e);
    REQUIRE(w->ends[side].tls);
  }
  w->arrivals[0].status = wsm_tls_start(w->ends[0].tls, &e);
  REQUIRE(w->arrivals[0].status == WSM_TLS_HANDSHAKE);
  take_output(w, 0);
}

static void disconnect_ends (struct world *w) {
  int side;
  for (side = 0; side < 2; side++) {
    struct wsm_tls_context *context = w->ends[side].context;
    wsm_tls_free(w->ends[side].tls);
    wsm_buffer_clear(&w->ends[side].wire);
    wsm_buffer_clear(&w->arrivals[side].bytes);
    memset(&w->ends[side], 0, sizeof w->ends[side]);
    memset(&w->arrivals[side], 0, sizeof w->arrivals[side]);
    w->ends[side].context = context;
  }
}

/* Nobody interferes: both ends open, and everything arrives. */
static void require_open (struct world *w) {
  int side;
  settle(w);
  for (side = 0; side < 2; side++) {
    struct arrival *a = &w->arrivals[side];
    REQUIRE(a->status == WSM_TLS_OPEN);
    seal(w, !side);
    settle(w);
    REQUIRE(wsm_buffer_length(&a->bytes) == w->ends[!side].plain);
  }
}

static struct wsm_tls_context *make_context (bool server) {
  struct wsm_tls_context *context;
  struct wsm_tls_options options;
  struct wsm_error e;
  memset(&options, 0, sizeof options);
  if (server) options.cert = tls_identity()->cert;
  else options.ca = tls_identity()->cert;
  if (server) options.key = tls_identity()->key;
  context = wsm_tls_context_new(&options, server, &e);
  REQUIRE(context);
  return context;
}

/* They take milliseconds to make: each is made once. */
static void take_contexts (struct world *w, bool tls12) {
  static struct wsm_tls_context *client, *server;
  if (!client) {
    client = make_context(false);
    server = make_context(true);
  }
  SSL_SESSION_free(client->session);
  client->session = NULL;
  wsm_free(client->session_host);
  client->session_host = NULL;
  SSL_CTX_set_max_proto_version(client->ssl, tls12 ? TLS1_2_VERSION : 0);
  w->ends[0].context = client;
  w->ends[1].context = server;
}

/* Whatever happened, others can connect. */
static void require_new_connection (struct world *w) {
  disconnect_ends(w);
  connect_ends(w);
  require_open(w);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  static struct world w;
  int64_t blocks;
  unsigned how;
  int steps;
  memset(&w, 0, sizeof w);
  w.in.at = data;
  w.in.left = size;
  how = input_byte(&w.in);
  tls_identity_reseed();
  take_contexts(&w, how & 1);
  blocks = wsm_memory_blocks();
  connect_ends(&w);
  if (how & 2) require_open(&w);
  if (how & 4) { /* what follows resumes */
    disconnect_ends(&w);
    connect_ends(&w);
  }
  if (how & 8) settle(&w);
  w.memory_fails = (how & 48) == 48;
  for (steps = 0; w.in.left > 0 && steps < STEPS; steps++) step(&w);
  w.memory_fails = false;
  if (how & 64) require_new_connection(&w);
  disconnect_ends(&w);
  /* the client's context keeps the name of its session's host */
  REQUIRE(wsm_memory_blocks() <= blocks + 1);
  return 0;
}
