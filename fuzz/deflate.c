/* Messages through two pairs of contexts: what one deflates the other inflates,
** however it is cut; and any bytes inflate to the same, or fail, within the
** limit. */
#include "websocket/deflate.h"

#include <string.h>

#include "base/memory.h"
#include "input.h"

#define MAX_BYTES (1u << 18) /* bytes of all messages of an input */

static void set_up (struct wsm_deflate *d, struct input *in) {
  static const uint64_t limits[] = { 100, 4095, 4096, 5000, 100000, 1u << 20 };
  const unsigned number = input_byte(in);
  memset(d, 0, sizeof *d);
  d->agreed.window = d->agreed.peer_window = (uint8_t)(8 + (number & 7));
  d->agreed.takeover = d->agreed.peer_takeover = (number & 8) != 0;
  d->agreed.level = (uint8_t)((number >> 4) % 10);
  d->limit = limits[input_byte(in) % 6];
}

static void require_bounded (const struct wsm_deflate *d) {
  REQUIRE(wsm_buffer_length(&d->message) <= d->limit);
  REQUIRE(d->message.size <= d->limit + WSM_BLOCK_SIZE);
}

/* Inflates one message in pieces of at most `most` bytes. */
static enum wsm_inflated inflate_in (struct wsm_deflate *d,
                                     struct wsm_buffer *encoded, size_t most) {
  const unsigned char *bytes = wsm_buffer_bytes(encoded);
  size_t left = wsm_buffer_length(encoded);
  while (left > 0) {
    const size_t n = left < most ? left : most;
    const enum wsm_inflated inflated = wsm_deflate_inflate(d, bytes, n);
    require_bounded(d);
    if (inflated != WSM_INFLATED) return inflated;
    bytes += n;
    left -= n;
  }
  return wsm_deflate_finish(d);
}

/* --- any bytes --- */

static bool is_same (const struct wsm_buffer *a, const struct wsm_buffer *b) {
  const size_t n = wsm_buffer_length(a);
  return n == wsm_buffer_length(b) &&
         (n == 0 || memcmp(wsm_buffer_bytes(a), wsm_buffer_bytes(b), n) == 0);
}

/* false: the contexts have failed. */
static bool inflate_both (struct wsm_deflate *whole, struct wsm_deflate *cut,
                          struct wsm_buffer *encoded, size_t most) {
  const enum wsm_inflated one = inflate_in(whole, encoded, SIZE_MAX);
  const enum wsm_inflated other = inflate_in(cut, encoded, most);
  require_bounded(whole);
  require_bounded(cut);
  REQUIRE((one == WSM_INFLATED) == (other == WSM_INFLATED));
  if (one == WSM_INFLATED) REQUIRE(is_same(&whole->message, &cut->message));
  wsm_deflate_pop(whole);
  wsm_deflate_pop(cut);
  return one == WSM_INFLATED;
}

static void read_any (struct input *in) {
  struct wsm_deflate whole, cut;
  struct wsm_buffer encoded;
  bool on = true;
  set_up(&whole, in);
  cut = whole;
  memset(&encoded, 0, sizeof encoded);
  while (in->left > 0 && on) {
    const size_t most = 1 + input_byte(in) % 8;
    size_t n = input_byte(in);
    const uint8_t *piece = input_piece(in, &n);
    REQUIRE(wsm_buffer_append(&encoded, piece, n));
    on = inflate_both(&whole, &cut, &encoded, most);
    wsm_buffer_clear(&encoded);
  }
  wsm_deflate_clear(&whole);
  wsm_deflate_clear(&cut);
}

/* --- our own --- */

/* Appends a message made of a piece of the input, many times over. */
static void make (struct wsm_buffer *to, struct input *in) {
  unsigned times = input_byte(in);
  size_t n = input_byte(in);
  const uint8_t *piece = input_piece(in, &n);
  for (times = times > 200 ? times * 4 : times & 7;
       times > 0 && wsm_buffer_length(to) < MAX_BYTES; times--)
    REQUIRE(wsm_buffer_append(to, piece, n));
}

/* What was appended inflates to the message; false when it was too much. */
static bool round_trip (struct wsm_deflate *ours, struct wsm_deflate *theirs,
                        struct input *in) {
  struct wsm_buffer message, encoded;
  enum wsm_inflated inflated;
  const size_t most = 1 + input_byte(in) * 4;
  memset(&message, 0, sizeof message);
  memset(&encoded, 0, sizeof encoded);
  make(&message, in);
  REQUIRE(wsm_deflate_append(ours, &encoded, wsm_buffer_bytes(&message),
                             wsm_buffer_length(&message)));
  REQUIRE(wsm_buffer_length(&encoded) > 0);
  inflated = inflate_in(theirs, &encoded, most);
  if (wsm_buffer_length(&message) > theirs->limit) {
    REQUIRE(inflated == WSM_INFLATE_TOO_BIG);
  } else {
    REQUIRE(inflated == WSM_INFLATED);
    REQUIRE(is_same(&theirs->message, &message));
  }
  wsm_buffer_clear(&message);
  wsm_buffer_clear(&encoded);
  wsm_deflate_pop(theirs);
  return inflated == WSM_INFLATED;
}

static void round_trips (struct input *in) {
  struct wsm_deflate ours, theirs;
  set_up(&ours, in);
  theirs = ours;
  while (in->left > 0 && round_trip(&ours, &theirs, in)) continue;
  REQUIRE(!ours.inflater && !theirs.deflater);
  if (!ours.agreed.takeover) REQUIRE(!ours.deflater);
  wsm_deflate_clear(&ours);
  wsm_deflate_clear(&theirs);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  struct input in;
  in.at = data;
  in.left = size;
  if (input_flag(&in)) read_any(&in);
  else round_trips(&in);
  REQUIRE(wsm_memory_blocks() == 0);
  return 0;
}
