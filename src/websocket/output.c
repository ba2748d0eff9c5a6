#include "websocket/output.h"
#include "base/hidden.h"

/* Written bytes that are kept at most, beside the frame being written. */
#define SENT_LIMIT (64u << 10)

static bool is_closing (const struct wsm_session *s) {
  return (s->closing & WSM_CLOSE_SENT) != 0;
}

/* Queues one frame, masked for a client; compressed.h masks by itself. */
static inline bool write_frame (struct wsm_session *s, unsigned opcode,
                                const void *payload, size_t n) {
  const bool masked = s->role == WSM_CLIENT;
  unsigned char *to = wsm_buffer_reserve(&s->out, n + WSM_FRAME_HEADER);
  const unsigned char *key = NULL;
  size_t header;
  if (!to || (masked && !(key = wsm_keys_next(s->keys)))) {
    if (s->out.start == s->out.end) wsm_buffer_clear(&s->out);
    return false;
  }
  header = wsm_frame_write(to, WSM_FIN | opcode, n, key);
  if (masked && !s->deflate) wsm_mask_copy(to + header, payload, n, key);
  else if (n) memcpy(to + header, payload, n);
  wsm_buffer_commit(&s->out, header + n);
  return true;
}

bool wsm_session_send (struct wsm_session *s, unsigned opcode, const void *data,
                       size_t n) {
  if (!write_frame(s, opcode, data, n)) return false;
  s->queued++;
  return true;
}

bool wsm_session_send_frame (struct wsm_session *s, const void *frame,
                             size_t n) {
  if (!wsm_buffer_append(&s->out, frame, n)) return false;
  s->queued++;
  return true;
}

bool wsm_session_write_frame (struct wsm_buffer *to, unsigned opcode,
                              const void *data, size_t n) {
  unsigned char *at = wsm_buffer_reserve(to, n + WSM_FRAME_HEADER);
  size_t header;
  if (!at) return false;
  header = wsm_frame_write(at, WSM_FIN | opcode, n, NULL);
  if (n) memcpy(at + header, data, n);
  wsm_buffer_commit(to, header + n);
  return true;
}

bool wsm_session_ping (struct wsm_session *s, uint64_t number) {
  unsigned char payload[8];
  size_t i;
  for (i = 0; i < sizeof payload; i++)
    payload[i] = (unsigned char)(number >> (8 * (sizeof payload - 1 - i)));
  if (!wsm_session_ping_with(s, payload, sizeof payload)) return false;
  s->ping_sent = number;
  return true;
}

bool wsm_session_ping_with (struct wsm_session *s, const void *payload,
                            size_t n) {
  return !is_closing(s) && write_frame(s, WSM_PING, payload, n);
}

bool wsm_session_pong (struct wsm_session *s, const void *payload, size_t n) {
  return !is_closing(s) && write_frame(s, WSM_PONG, payload, n);
}

bool wsm_session_close (struct wsm_session *s, unsigned code,
                        const char *reason, size_t n) {
  unsigned char payload[WSM_CONTROL_LIMIT];
  size_t length = 0;
  if (is_closing(s)) return true;
  if (code != WSM_NO_STATUS) {
    payload[0] = (unsigned char)(code >> 8);
    payload[1] = (unsigned char)code;
    if (n) memcpy(payload + 2, reason, n);
    length = n + 2;
  }
  if (!write_frame(s, WSM_CLOSE, payload, length)) return false;
  s->closing |= WSM_CLOSE_SENT;
  s->pong_due = false;
  return true;
}

/* Our frames have FIN, the top bit, set; the first byte of a 101 response, which
** may stand before the first frame, has not. */
static bool is_frame (const unsigned char *bytes) {
  return (*bytes & WSM_FIN) != 0;
}

/* The length of an HTTP head. */
static size_t head_length (const unsigned char *bytes, size_t n) {
  size_t i;
  for (i = 4; i <= n; i++)
    if (memcmp(bytes + i - 4, "\r\n\r\n", 4) == 0) return i;
  return n;
}

size_t wsm_output_frame_length (const struct wsm_buffer *out, size_t at,
                                struct wsm_frame *f) {
  const unsigned char *bytes = out->data + out->start + at;
  const size_t n = wsm_buffer_length(out) - at;
  if (is_frame(bytes)) {
    const int header = wsm_frame_parse(f, bytes, n);
    if (header > 0 && f->length <= n - (size_t)header)
      return (size_t)header + (size_t)f->length;
  }
  memset(f, 0, sizeof *f);
  return is_frame(bytes) ? n : head_length(bytes, n);
}

void wsm_output_trimmed (struct wsm_session *s, size_t n) {
  s->disowned = s->disowned > n ? s->disowned - n : 0;
}

/* Removes the frames that were wholly written; `out` starts at a frame. */
static void trim_sent (struct wsm_session *s) {
  struct wsm_frame f;
  size_t length = wsm_output_frame_length(&s->out, 0, &f);
  while (length <= s->sent) {
    s->out.start += length;
    s->sent -= length;
    wsm_output_trimmed(s, length);
    length = wsm_output_frame_length(&s->out, 0, &f);
  }
}

void wsm_output_sent (struct wsm_session *s, size_t n) {
  s->sent += n;
  if (wsm_session_pending(s) == 0) {
    s->sent = s->disowned = 0;
    wsm_buffer_clear(&s->out);
  } else if (s->sent > SENT_LIMIT) {
    trim_sent(s);
  }
}

static bool is_message (const struct wsm_frame *f) {
  return f->opcode == WSM_TEXT || f->opcode == WSM_BINARY;
}

size_t wsm_output_count (const struct wsm_session *s, size_t at) {
  const size_t n = wsm_buffer_length(&s->out);
  struct wsm_frame f;
  size_t count = 0;
  if (at < s->disowned) at = s->disowned;
  while (at < n) {
    at += wsm_output_frame_length(&s->out, at, &f);
    if (at > s->sent && is_message(&f)) count++;
  }
  return count;
}

bool wsm_output_unsent (struct wsm_session *s, size_t *at,
                        struct wsm_message *m) {
  const size_t n = wsm_buffer_length(&s->out);
  if (*at < s->disowned) *at = s->disowned;
  while (*at < n) {
    unsigned char *start = s->out.data + s->out.start + *at;
    struct wsm_frame f;
    const size_t length = wsm_output_frame_length(&s->out, *at, &f);
    *at += length;
    if (*at <= s->sent || !is_message(&f)) continue;
    start += length - (size_t)f.length;
    if (f.masked && !s->deflate) wsm_mask(start, (size_t)f.length, f.key, 0);
    m->data = start;
    m->length = (size_t)f.length;
    m->binary = f.opcode == WSM_BINARY;
    return true;
  }
  return false;
}
