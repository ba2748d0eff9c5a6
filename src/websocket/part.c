#include "websocket/part.h"

#include "websocket/deflate.h"
#include "base/hidden.h"

/* Compressed bytes that are inflated at once: to 1,032 times as many at most. */
#define CHUNK 256

static bool is_inflating (const struct wsm_session *s) {
  return (s->frame_bits & WSM_RSV1) != 0;
}

size_t wsm_part_length (const struct wsm_session *s) {
  return is_inflating(s) ? wsm_buffer_length(&s->deflate->message)
                         : s->message_length;
}

size_t wsm_part_fit (const struct wsm_session *s, size_t n) {
  const size_t length = wsm_part_length(s);
  const size_t room = length < WSM_PART_SIZE ? WSM_PART_SIZE - length : 0;
  const size_t most = is_inflating(s) && room > CHUNK ? CHUNK : room;
  return n < most ? n : most;
}

/* Taken before the part that is being read. */
static uint64_t taken (const struct wsm_session *s) {
  return s->frame_bits & WSM_REST ? s->streamed : 0;
}

/* limits.message is for the whole of a message. */
static void set_limit (struct wsm_session *s) {
  if (s->deflate) s->deflate->limit = s->limits->message - taken(s);
}

void wsm_part_taken (struct wsm_session *s, size_t n) {
  s->streamed = taken(s) + n;
  s->frame_bits |= WSM_REST;
  set_limit(s);
}

void wsm_part_finish (struct wsm_session *s) {
  s->frame_bits &= (uint8_t)~WSM_REST;
  set_limit(s);
}

bool wsm_part_exceeds (const struct wsm_session *s, uint64_t n) {
  return n > s->limits->message - taken(s) - s->message_length;
}
