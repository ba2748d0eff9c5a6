#include "manager/message_queue.h"

#include <string.h>
#include "base/hidden.h"

/* Precedes the bytes of each message. */
struct entry {
  size_t length;
  bool binary;
};

bool wsm_message_queue_push (struct wsm_message_queue *q,
                             const struct wsm_message *m) {
  struct entry entry;
  unsigned char *at = wsm_buffer_reserve(&q->bytes, sizeof entry + m->length);
  if (!at) return false;
  memset(&entry, 0, sizeof entry);
  entry.length = m->length;
  entry.binary = m->binary;
  memcpy(at, &entry, sizeof entry);
  if (m->length) memcpy(at + sizeof entry, m->data, m->length);
  wsm_buffer_commit(&q->bytes, sizeof entry + m->length);
  q->count++;
  q->payload += m->length;
  return true;
}

bool wsm_message_queue_next (const struct wsm_message_queue *q, size_t *at,
                             struct wsm_message *m) {
  struct entry entry;
  if (*at >= wsm_buffer_length(&q->bytes)) return false;
  memcpy(&entry, wsm_buffer_bytes(&q->bytes) + *at, sizeof entry);
  m->data = wsm_buffer_bytes(&q->bytes) + *at + sizeof entry;
  m->length = entry.length;
  m->binary = entry.binary;
  *at += sizeof entry + entry.length;
  return true;
}

bool wsm_message_queue_first (const struct wsm_message_queue *q,
                              struct wsm_message *m) {
  size_t at = 0;
  return wsm_message_queue_next(q, &at, m);
}

void wsm_message_queue_pop (struct wsm_message_queue *q) {
  struct wsm_message first;
  if (!wsm_message_queue_first(q, &first)) return;
  q->count--;
  q->payload -= first.length;
  wsm_buffer_consume(&q->bytes, sizeof(struct entry) + first.length);
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
