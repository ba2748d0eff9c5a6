#include "link/transfer.h"

#include "io/loop.h"
#include "link/mask_keys.h"
#include "observe/tap.h"
#include "base/hidden.h"

#define KEYS_AHEAD 256 /* for the control frames that one read may cause */
#define MIN_READ 4096  /* of a connection that was quiet */
#define MAX_READ (256u << 10)   /* of one that is busy */
#define EARLY_BYTES 4096        /* the first of a turn: the peer can begin */
#define FLUSH_BYTES (64 * 1024) /* written before the turn ends */

void wsm_transfer_refill_keys (struct wsm_transfer *t) {
  if (wsm_manager_role(t->manager) == WSM_CLIENT)
    wsm_mask_keys_refill(t->keys, wsm_manager_masks(t->manager) + KEYS_AHEAD);
}

/* --- out --- */

static void note_bytes (struct wsm_transfer *t,
                        enum wsm_tap_direction direction, const void *bytes,
                        size_t n) {
  struct wsm_journal *j = t->manager->journal;
  const struct wsm_tap_bytes fed = { direction, bytes, n,
                                     wsm_loop_now(t->loop) };
  if (j->tap) wsm_tap_feed(j->tap, j, &fed);
  if (!wsm_journal_is_empty(j)) wsm_handle_notify(t->handle);
}

size_t wsm_transfer_write_past (struct wsm_transfer *t, const void *bytes,
                                size_t n) {
  const size_t taken = wsm_stream_write(t->stream, bytes, n);
  t->blocked = taken < n;
  if (t->manager->journal) note_bytes(t, WSM_TAP_OUT, bytes, taken);
  return taken;
}

static void write_output (struct wsm_transfer *t) {
  size_t n;
  const unsigned char *bytes = wsm_manager_output(t->manager, &n);
  if (n == 0) return;
  wsm_transfer_refill_keys(t);
  n = wsm_transfer_write_past(t, bytes, n);
  wsm_manager_wrote(t->manager, n, wsm_loop_now(t->loop));
}

static void finish (struct wsm_transfer *t) {
  if (t->finished || t->blocked || wsm_manager_pending(t->manager) > 0) return;
  t->finished = wsm_stream_finish(t->stream);
}

void wsm_transfer_write (struct wsm_transfer *t) {
  if (!t->stream || t->blocked || wsm_manager_is_draining(t->manager)) return;
  write_output(t);
  if (wsm_manager_want(t->manager) == WSM_WANT_FINISH) finish(t);
}

/* Does what was queued wait for others? In a host's loop no end of a turn follows: what
** comes first leaves at once, unless it was not alone after the turn before. */
static bool gathers (struct wsm_transfer *t) {
  const uint32_t turns = (uint32_t)wsm_loop_counters(t->loop)->turns + 1;
  bool was_several;
  if (wsm_loop_is_corked(t->loop)) return true;
  if (!wsm_loop_is_hosted(t->loop)) return false;
  if (t->wrote_after == turns) return t->several = true;
  t->wrote_after = turns;
  was_several = t->several;
  t->several = false;
  return was_several;
}

bool wsm_transfer_push (struct wsm_transfer *t) {
  const size_t pending = wsm_manager_pending(t->manager);
  if (!gathers(t)) {
    wsm_transfer_write(t);
  } else if (pending >= (t->flushed_early ? FLUSH_BYTES : EARLY_BYTES)) {
    wsm_transfer_write(t);
    t->flushed_early = true;
  }
  return t->flushed_early || wsm_manager_pending(t->manager) > 0;
}

/* --- in --- */

/* The last n bytes of the input. */
static void note_read (struct wsm_transfer *t, size_t n) {
  const struct wsm_buffer *in = wsm_manager_input(t->manager);
  note_bytes(t, WSM_TAP_IN, in->data + in->end - n, n);
}

static size_t read_once (struct wsm_transfer *t, size_t n) {
  const size_t got =
    wsm_stream_read(t->stream, wsm_manager_input(t->manager), n);
  if (t->manager->journal && got > 0) note_read(t, got);
  wsm_manager_commit(t->manager, got, wsm_loop_now(t->loop));
  return got;
}

/* What was read below TLS or a proxy; 0: there is neither. */
static uint64_t raw_bytes (const struct wsm_transfer *t) {
  return t->stream->below ? wsm_stream_received(t->stream) : 0;
}

/* Adaptive read size: quadrupled after a full read, quartered after a wake-up
** that brought little. */
void wsm_transfer_read (struct wsm_transfer *t) {
  const uint64_t before = raw_bytes(t);
  size_t size, asked, got, all = 0;
  wsm_transfer_refill_keys(t);
  do {
    size = (size_t)MIN_READ << 2 * t->read_size_shift;
    asked = wsm_manager_read_size(t->manager, size);
    got = read_once(t, asked);
    all += got;
    if (got >= size && size < MAX_READ) t->read_size_shift++;
  } while (got == size && size < MAX_READ);
  if (all == 0 && raw_bytes(t) != before)
    wsm_manager_heard(t->manager, wsm_loop_now(t->loop));
  if (got < asked && all < size / 8 && t->read_size_shift > 0)
    t->read_size_shift--;
}
