#include "manager/message_queue.h"

#include <string.h>
#include "base/hidden.h"

/* Precedes the bytes of each message; between them are its limits, if it has
** terms, and its id. */
struct entry {
  size_t length;
  bool binary;
  bool has_terms;
  bool is_volatile;
  bool is_aged;
  bool is_resent;
  uint8_t id_length;
  uint8_t part;
};

struct limits {
  uint64_t expires_ms, number;
};

/* Bytes before those of the message. */
static size_t head_size (const struct entry *entry) {
  const size_t limits = entry->has_terms ? sizeof(struct limits) : 0;
  return sizeof *entry + limits + entry->id_length;
}

static void write_terms (unsigned char *to, const struct wsm_terms *terms) {
  struct limits limits;
  limits.expires_ms = terms->expires_ms;
  limits.number = terms->number;
  memcpy(to, &limits, sizeof limits);
  if (terms->id_length) memcpy(to + sizeof limits, terms->id, terms->id_length);
}

bool wsm_message_queue_push (struct wsm_message_queue *q,
                             const struct wsm_message *m,
                             const struct wsm_terms *terms) {
  struct entry entry;
  unsigned char *at;
  size_t head;
  memset(&entry, 0, sizeof entry);
  entry.length = m->length;
  entry.binary = m->binary;
  entry.has_terms = terms != NULL;
  entry.is_volatile = terms && terms->is_volatile;
  entry.is_aged = terms && terms->is_aged;
  entry.is_resent = terms && terms->is_resent;
  entry.id_length = terms ? terms->id_length : 0;
  entry.part = terms ? terms->part : 0;
  head = head_size(&entry);
  at = wsm_buffer_reserve(&q->bytes, head + m->length);
  if (!at) return false;
  memcpy(at, &entry, sizeof entry);
  if (terms) write_terms(at + sizeof entry, terms);
  if (m->length) memcpy(at + head, m->data, m->length);
  wsm_buffer_commit(&q->bytes, head + m->length);
  q->count++;
  q->payload += m->length;
  return true;
}

bool wsm_message_queue_reserve (struct wsm_message_queue *q,
                                const struct wsm_terms *terms, size_t n) {
  const size_t most = sizeof(struct entry) + sizeof(struct limits);
  return wsm_buffer_reserve(&q->bytes, most + terms->id_length + n) != NULL;
}

bool wsm_message_queue_next (const struct wsm_message_queue *q, size_t *at,
                             struct wsm_message *m) {
  const unsigned char *bytes = wsm_buffer_bytes(&q->bytes);
  struct entry entry;
  size_t head;
  if (*at >= wsm_buffer_length(&q->bytes)) return false;
  memcpy(&entry, bytes + *at, sizeof entry);
  head = head_size(&entry);
  m->data = bytes + *at + head;
  m->length = entry.length;
  m->binary = entry.binary;
  *at += head + entry.length;
  return true;
}

void wsm_message_queue_terms (const struct wsm_message_queue *q, size_t at,
                              struct wsm_terms *terms) {
  const struct wsm_terms none = WSM_NO_TERMS;
  const unsigned char *bytes = wsm_buffer_bytes(&q->bytes) + at;
  struct entry entry;
  struct limits limits;
  *terms = none;
  memcpy(&entry, bytes, sizeof entry);
  if (!entry.has_terms) return;
  memcpy(&limits, bytes + sizeof entry, sizeof limits);
  terms->expires_ms = limits.expires_ms;
  terms->number = limits.number;
  terms->id_length = entry.id_length;
  terms->id = bytes + sizeof entry + sizeof limits;
  terms->is_volatile = entry.is_volatile;
  terms->is_aged = entry.is_aged;
  terms->is_resent = entry.is_resent;
  terms->part = entry.part;
}

bool wsm_message_queue_first (const struct wsm_message_queue *q,
                              struct wsm_message *m) {
  size_t at = 0;
  return wsm_message_queue_next(q, &at, m);
}

void wsm_message_queue_pop (struct wsm_message_queue *q) {
  struct wsm_message first;
  size_t end = 0;
  if (!wsm_message_queue_next(q, &end, &first)) return;
  q->count--;
  q->payload -= first.length;
  wsm_buffer_consume(&q->bytes, end);
}

void wsm_message_queue_mark (struct wsm_message_queue *q, size_t at,
                             const struct wsm_terms *terms) {
  unsigned char *bytes = wsm_buffer_bytes(&q->bytes) + at;
  struct entry entry;
  struct limits limits;
  memcpy(&entry, bytes, sizeof entry);
  entry.is_resent = terms->is_resent;
  memcpy(bytes, &entry, sizeof entry);
  limits.expires_ms = terms->expires_ms;
  limits.number = terms->number;
  memcpy(bytes + sizeof entry, &limits, sizeof limits);
}

void wsm_message_queue_remove (struct wsm_message_queue *q, size_t at,
                               size_t end) {
  const size_t n = wsm_buffer_length(&q->bytes);
  unsigned char *bytes = wsm_buffer_bytes(&q->bytes);
  struct wsm_message m;
  size_t next = at;
  if (at == 0) {
    wsm_message_queue_pop(q);
    return;
  }
  wsm_message_queue_next(q, &next, &m);
  q->count--;
  q->payload -= m.length;
  memmove(bytes + at, bytes + end, n - end);
  q->bytes.end -= end - at;
}

uint64_t wsm_message_queue_expire (struct wsm_message_queue *q, uint64_t now_ms,
                                   struct wsm_removed *removed) {
  unsigned char *bytes = wsm_buffer_bytes(&q->bytes);
  uint64_t next_ms = WSM_NEVER;
  struct wsm_terms terms;
  struct wsm_message m;
  size_t at = 0, end = 0, kept = 0;
  removed->count = removed->payload = 0;
  for (; wsm_message_queue_next(q, &end, &m); at = end) {
    wsm_message_queue_terms(q, at, &terms);
    if (terms.expires_ms <= now_ms) {
      removed->count++;
      removed->payload += m.length;
      continue;
    }
    if (terms.expires_ms < next_ms) next_ms = terms.expires_ms;
    if (kept < at) memmove(bytes + kept, bytes + at, end - at);
    kept += end - at;
  }
  q->count -= removed->count;
  q->payload -= removed->payload;
  q->bytes.end = q->bytes.start + kept;
  if (kept == 0) wsm_buffer_clear(&q->bytes);
  return next_ms;
}

bool wsm_message_queue_prepend (struct wsm_message_queue *q,
                                struct wsm_message_queue *front) {
  const struct wsm_message_queue empty = { { NULL, 0, 0, 0, NULL }, 0, 0 };
  struct wsm_pool *pool = front->bytes.pool;
  if (front->count == 0) return true;
  if (!wsm_buffer_append(&front->bytes, wsm_buffer_bytes(&q->bytes),
                         wsm_buffer_length(&q->bytes)))
    return false;
  front->count += q->count;
  front->payload += q->payload;
  wsm_buffer_clear(&q->bytes);
  *q = *front;
  *front = empty;
  front->bytes.pool = pool;
  return true;
}

void wsm_message_queue_clear (struct wsm_message_queue *q) {
  wsm_buffer_clear(&q->bytes);
  q->count = 0;
  q->payload = 0;
}
