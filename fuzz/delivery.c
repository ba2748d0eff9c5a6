#include "delivery.h"

#include <string.h>

/* What became of a message. */
enum { MAY_DROP = 1, HAS = 2, CONFIRMED = 4, SEEN = 8 };

void delivery_begin (struct world *w, unsigned number) {
  struct wsm_policy *p = &w->policy;
  const unsigned bounds = input_byte(w->in);
  w->ids = (number & 32) != 0;
  w->terms = (number & 64) != 0;
  w->told = 0;
  if (w->ids) p->unacknowledged_messages = 1u << (bounds & 7);
  if (w->ids) p->unacknowledged_bytes = (size_t)128 << (bounds >> 3 & 7);
  p->dedupe_ids = bounds & 64 ? 4 : 4096;
  if (!(number & 128)) return;
  p->outbox_drops_oldest = (bounds & 128) != 0;
  p->outbox_age_ms = bounds & 64 ? 5000 : 0;
  p->rate_limit = bounds & 32 ? 1 + (bounds & 7) : 0;
  p->rate_per_ms = 1000;
  p->rate_reserve = p->rate_limit / 2;
}

/* --- sending --- */

static unsigned write_id (char *to, unsigned number) {
  return (unsigned)snprintf(to, 16, "id %u", number);
}

static bool drops (const struct world *w, const struct wsm_terms *terms) {
  const struct wsm_policy *p = &w->policy;
  return terms->is_volatile || terms->expires_ms != WSM_NEVER ||
         p->outbox_drops_oldest || p->outbox_age_ms || !p->outbox_messages;
}

static struct wsm_terms draw_terms (struct world *w) {
  static const uint64_t waits[] = { 0, 1, 500, 20000, 4000000 };
  struct wsm_terms terms = WSM_NO_TERMS;
  const unsigned what = w->terms ? input_byte(w->in) : 0;
  if (what & 1) terms.expires_ms = w->now + waits[(what >> 2) % 5];
  terms.is_volatile = (what & 2) != 0;
  return terms;
}

enum wsm_sent delivery_send (struct world *w,
                             const struct wsm_message *message) {
  struct wsm_terms terms = draw_terms(w);
  enum wsm_sent sent;
  char id[16];
  if (w->ids) {
    terms.id = (const unsigned char *)id;
    terms.id_length = (uint8_t)write_id(id, w->sent);
  }
  sent = wsm_manager_send(&w->manager, message,
                          w->ids || w->terms ? &terms : NULL, w->now);
  if (sent == WSM_SENT_LATER) REQUIRE(!terms.is_volatile);
  w->fates[w->sent] = drops(w, &terms) ? MAY_DROP : 0;
  return sent;
}

/* --- the peer --- */

/* Those between were given up. */
static void skip (struct world *w, unsigned from, unsigned to) {
  for (; from < to; from++) REQUIRE(w->fates[from] & MAY_DROP);
}

/* On a connection they come in order. With ids a message may come again, before any
** that the peer has not. */
void delivery_read (struct world *w, unsigned number, bool first) {
  REQUIRE(number < w->sent);
  if (!first) REQUIRE(number > w->read);
  w->read = number;
  if (number >= w->next) {
    skip(w, w->next, number);
    w->next = number + 1;
  } else {
    REQUIRE(w->ids && (w->fates[number] & HAS));
  }
  w->fates[number] |= HAS;
}

static void confirm_one (struct world *w) {
  struct wsm_manager *m = &w->manager;
  unsigned number;
  char id[16];
  if (w->memory_fails) return;
  world_peer_reads(w);
  if (w->next == 0) return;
  number = (unsigned)chance_below(&w->seed, w->next);
  if (!(w->fates[number] & HAS)) return;
  if (!wsm_manager_confirm(m, id, write_id(id, number), w->now)) return;
  REQUIRE(w->ids && !(w->fates[number] & CONFIRMED));
  w->fates[number] |= CONFIRMED;
  w->confirmed++;
}

static void confirm_nothing (struct world *w) {
  size_t n = 1 + input_byte(w->in) % WSM_ID_LIMIT;
  const uint8_t *bytes = input_piece(w->in, &n);
  if (n > 0 && bytes[0] != 'i')
    REQUIRE(!wsm_manager_confirm(&w->manager, bytes, n, w->now));
}

/* What was heard is remembered, as the last of at least four. */
static void hear (struct world *w) {
  struct wsm_manager *m = &w->manager;
  char id[16];
  const unsigned n = write_id(id, w->heard);
  if (!wsm_manager_is_repeated(m, id, n)) w->heard++;
  if (w->memory_fails) return;
  REQUIRE(wsm_manager_is_repeated(m, id, n));
}

void delivery_act (struct world *w, unsigned what) {
  if (what == 0) hear(w);
  else if (what == 1) confirm_nothing(w);
  else confirm_one(w);
}

/* --- what is told, and what must hold --- */

void delivery_told (struct world *w) {
  struct wsm_dropped dropped;
  const enum wsm_token token = wsm_sending_untold(&w->manager, &dropped);
  REQUIRE(token != WSM_NONE && dropped.count > 0);
  w->told += dropped.count;
}

void delivery_check (const struct world *w) {
  const struct wsm_message_queue *q = wsm_delivery_messages(&w->manager);
  if (!q || q->count < 2) return;
  REQUIRE(q->count <= w->policy.unacknowledged_messages);
  REQUIRE(q->payload <= w->policy.unacknowledged_bytes);
}

static unsigned number_of (const struct wsm_message *m) {
  unsigned number = 0;
  size_t i;
  for (i = 1; i < 6; i++) number = number * 10 + (m->data[i] - '0');
  return number;
}

/* Each is in a queue once at most, and in order. */
static void see (struct world *w, const struct wsm_message_queue *q,
                 unsigned *next) {
  struct wsm_message m;
  size_t at = 0;
  while (q && wsm_message_queue_next(q, &at, &m)) {
    const unsigned number = number_of(&m);
    REQUIRE(number >= *next && number < w->sent);
    REQUIRE(!(w->fates[number] & (CONFIRMED | SEEN)));
    w->fates[number] |= SEEN;
    *next = number + 1;
  }
}

void delivery_end (struct world *w) {
  struct wsm_manager *m = &w->manager;
  const struct wsm_message_queue *q = wsm_delivery_messages(m);
  unsigned next = 0;
  REQUIRE(w->told == m->counters.dropped);
  if (!w->ids) return;
  see(w, q, &next);
  see(w, &m->outbox, &next);
  REQUIRE(w->confirmed + (q ? q->count : 0) + m->outbox.count +
            m->counters.dropped ==
          w->sent);
}
