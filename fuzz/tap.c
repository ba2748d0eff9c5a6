/* Any bytes, both ways, through two taps: fed whole and a byte at a time they note the
** same heads and frames, and never more of one than was asked for. */
#include "observe/tap.h"

#include <string.h>

#include "input.h"
#include "observe/observer.h"

#define COMPARED (0x7FF & ~WSM_FRAME_INFLATED)

static struct wsm_journal *open_journal (uint32_t keep, bool in_the_middle) {
  struct wsm_journal *j = NULL;
  REQUIRE(wsm_observer_set(&j, true, keep));
  if (in_the_middle) {
    wsm_tap_skip(j->tap, WSM_TAP_IN, 3);
    wsm_tap_skip(j->tap, WSM_TAP_OUT, 0);
  }
  return j;
}

static void feed (struct wsm_journal *j, struct wsm_tap_bytes fed,
                  size_t most) {
  size_t left = fed.n;
  while (left > 0) {
    fed.n = left < most ? left : most;
    wsm_tap_feed(j->tap, j, &fed);
    fed.bytes += fed.n;
    left -= fed.n;
  }
}

static bool is_frame (const struct wsm_note *note) {
  return note->kind == WSM_NOTE_FRAME_IN || note->kind == WSM_NOTE_FRAME_OUT;
}

/* What does not inflate may be noticed sooner in small pieces. */
static void require_same (const struct wsm_note *a, const unsigned char *of_a,
                          const struct wsm_note *b, const unsigned char *of_b) {
  const uint64_t mask = is_frame(a) ? COMPARED : UINT64_MAX;
  const bool compressed = is_frame(a) && !(a->a & 0x8);
  REQUIRE(a->kind == b->kind && (a->a & mask) == (b->a & mask));
  REQUIRE(a->b == b->b);
  if (compressed && (a->a & WSM_FRAME_INFLATED) != (b->a & WSM_FRAME_INFLATED))
    return;
  REQUIRE(a->length == b->length);
  REQUIRE(a->length == 0 || memcmp(of_a, of_b, a->length) == 0);
}

static void compare (struct wsm_journal *whole, struct wsm_journal *cut,
                     uint32_t keep) {
  const unsigned char *of_a, *of_b;
  struct wsm_note a, b;
  while (wsm_journal_first(whole, &a, &of_a)) {
    REQUIRE(wsm_journal_first(cut, &b, &of_b));
    REQUIRE(a.length <= (is_frame(&a) ? keep : WSM_TAP_HEAD));
    require_same(&a, of_a, &b, of_b);
    wsm_journal_pop(whole);
    wsm_journal_pop(cut);
  }
  REQUIRE(!wsm_journal_first(cut, &b, &of_b));
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  struct input in = { data, size };
  const uint32_t keep = 1 + input_byte(&in);
  const bool in_the_middle = input_flag(&in);
  struct wsm_journal *whole = open_journal(keep, in_the_middle);
  struct wsm_journal *cut = open_journal(keep, in_the_middle);
  while (in.left > 0) {
    const unsigned what = input_byte(&in);
    struct wsm_tap_bytes fed = { WSM_TAP_IN, NULL, what >> 1, 1 };
    if (what & 1) fed.direction = WSM_TAP_OUT;
    fed.bytes = input_piece(&in, &fed.n);
    feed(whole, fed, SIZE_MAX);
    feed(cut, fed, 1);
  }
  compare(whole, cut, keep);
  wsm_observer_set(&whole, false, 0);
  wsm_observer_set(&cut, false, 0);
  return 0;
}
