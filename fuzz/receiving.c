#include "receiving.h"

#include <string.h>

#include "websocket/part.h"

enum { PARTS = 1, PIECES = 2 };

void receiving_begin (struct world *w) {
  struct wsm_policy *p = &w->policy;
  const unsigned traits = input_byte(w->in);
  p->stream = (traits & PARTS) != 0;
  p->stream_limits = p->limits;
  p->inflate = (traits & (PARTS | PIECES)) == PIECES && !p->compress;
  if (p->stream) p->heartbeat.ack = false;
  if (p->inflate) p->inbox_bytes = 1u << 24; /* what is over may be dropped */
}

/* --- in parts --- */

/* Of longer ones than there are only the length is known. */
static void join (struct receiving *r, const struct wsm_message *m) {
  const size_t room = r->length < sizeof r->begun ? sizeof r->begun - r->length
                                                  : 0;
  const size_t n = m->length < room ? m->length : room;
  if (n) memcpy(r->begun + r->length, m->data, n);
  r->length += m->length;
}

/* The rest follows the beginning, and only that. */
static void take_part (struct world *w) {
  struct receiving *r = &w->receiving;
  struct wsm_message message;
  struct wsm_part part;
  wsm_inbox_part(&w->manager, &part);
  REQUIRE(part.message.length <= WSM_PART_SIZE * (w->policy.compress ? 6 : 1));
  REQUIRE(w->memory_fails || r->amidst == ((part.bits & WSM_REST) != 0));
  REQUIRE(!(part.bits & WSM_BROKEN) || (part.bits & WSM_REST));
  if (!(part.bits & WSM_REST)) r->length = 0;
  join(r, &part.message);
  r->amidst = (part.bits & (WSM_PART | WSM_BROKEN)) == WSM_PART;
  if (!(part.bits & (WSM_PART | WSM_BROKEN))) {
    message.data = r->begun;
    message.length = r->length;
    world_receive(w, &message);
  }
  wsm_inbox_pop_part(&w->manager, &part);
}

static void take_whole (struct world *w, const struct wsm_message *message) {
  world_receive(w, message);
  if (w->receiving.keeps) w->receiving.kept += message->length;
  wsm_manager_pop(&w->manager, message);
}

void receiving_take (struct world *w, unsigned count) {
  struct wsm_message message;
  while (count-- > 0 &&
         wsm_manager_next(&w->manager, &message, w->now) == WSM_MESSAGE) {
    if (w->policy.stream) take_part(w);
    else take_whole(w, &message);
  }
  if (w->receiving.keeps) wsm_manager_keep(&w->manager, w->receiving.kept);
}

/* --- for others --- */

void receiving_keep (struct world *w) {
  struct receiving *r = &w->receiving;
  const size_t limit = w->policy.inbox_bytes;
  const size_t unread = wsm_manager_unread(&w->manager) - w->manager.kept;
  r->keeps = !r->keeps;
  if (!r->keeps) r->kept = 0;
  REQUIRE(wsm_manager_keep(&w->manager, r->kept) ==
          (limit > 0 && r->kept > limit / 2));
  REQUIRE(wsm_manager_unread(&w->manager) == unread + r->kept);
}

void receiving_await_room (struct world *w) {
  wsm_manager_await_room(&w->manager);
  if (w->manager.state == WSM_STATE_OPEN) w->receiving.awaits = true;
}

void receiving_note_room (struct world *w) {
  w->receiving.awaits = false;
}

/* --- the peer's zlib stream --- */

size_t receiving_pack (struct world *w, unsigned number,
                       const unsigned char **bytes) {
  static unsigned char packed[8192];
  struct receiving *r = &w->receiving;
  z_stream *z = &r->deflater;
  if (!r->deflates) {
    memset(z, 0, sizeof *z);
    REQUIRE(deflateInit(z, (int)(number % 10)) == Z_OK);
  }
  r->deflates = true;
  z->next_in = (unsigned char *)(uintptr_t)world_text('p', number);
  z->avail_in = (unsigned)world_size(number);
  z->next_out = packed;
  z->avail_out = sizeof packed;
  REQUIRE(deflate(z, Z_SYNC_FLUSH) == Z_OK && z->avail_out > 0);
  *bytes = packed;
  return sizeof packed - z->avail_out;
}

void receiving_lose (struct world *w) {
  struct receiving *r = &w->receiving;
  if (r->deflates) deflateEnd(&r->deflater);
  r->deflates = false;
}

/* --- what must hold --- */

/* A full inbox is one that somebody has to empty; who waits for room is told. */
void receiving_check (struct world *w) {
  const struct wsm_manager *m = &w->manager;
  const bool told = wsm_events_has(&m->events, WSM_EVENT_DRAIN);
  REQUIRE(m->session.streams <= w->policy.stream);
  if (m->state == WSM_STATE_CLOSED) w->receiving.awaits = false;
  if (w->paused && wsm_manager_is_paused(m) && m->state == WSM_STATE_OPEN)
    REQUIRE(wsm_manager_unread(m) > 0);
  if (m->state == WSM_STATE_OPEN && w->receiving.awaits)
    REQUIRE(m->drain_due || told);
}

void receiving_end (struct world *w) {
  struct receiving *r = &w->receiving;
  REQUIRE(w->memory_fails || !r->amidst);
  receiving_lose(w);
}
