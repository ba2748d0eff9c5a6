#include "websocket/session.h"

#include "base/memory.h"
#include "websocket/compressed.h"
#include "websocket/control.h"
#include "websocket/deflate.h"
#include "websocket/http_text.h"
#include "websocket/output.h"
#include "websocket/part.h"
#include "websocket/violation.h"
#include "websocket/zlib_stream.h"
#include "base/hidden.h"

#define LONGEST_CONTROL (WSM_FRAME_HEADER + WSM_CONTROL_LIMIT)
#define LARGE (64u << 10) /* bytes of a message read on its own */

/* The result of one step of reading. */
enum step {
  STEP_ON,      /* go on */
  STEP_MORE,    /* more bytes are needed */
  STEP_MESSAGE, /* the first message_length bytes of `in` are one */
  STEP_ENDED
};

void wsm_session_init (struct wsm_session *s,
                       const struct wsm_session_setup *setup) {
  memset(s, 0, sizeof *s);
  s->role = (uint8_t)setup->role;
  s->limits = setup->limits;
  s->keys = setup->keys;
  s->error = setup->error;
  s->inflates = setup->inflate;
  s->in.pool = s->out.pool = setup->pool;
  s->close_code = WSM_NO_STATUS;
}

bool wsm_session_deflate (struct wsm_session *s,
                          const struct wsm_compression *agreed) {
  struct wsm_deflate *d = wsm_zalloc(sizeof *d);
  if (!d) return false;
  d->agreed = *agreed;
  d->limit = s->limits->message;
  d->message.pool = d->encoded.pool = s->out.pool;
  s->deflate = d;
  return true;
}

void wsm_session_stream (struct wsm_session *s,
                         const struct wsm_limits *limits) {
  s->limits = limits;
  s->streams = true;
  wsm_part_finish(s);
}

void wsm_session_free (struct wsm_session *s) {
  wsm_control_discard(s);
  wsm_buffer_clear(&s->out);
  if (s->deflate) wsm_deflate_clear(s->deflate);
  wsm_free(s->deflate);
  s->deflate = NULL;
  s->sent = 0;
  wsm_free(s->reason);
  s->reason = NULL;
  s->reason_length = 0;
}

static bool has_ended (const struct wsm_session *s) {
  return (s->closing & (WSM_CLOSE_RECEIVED | WSM_CLOSE_FAILED)) != 0;
}

/* --- the bytes in `in` --- */

void wsm_session_commit (struct wsm_session *s, size_t n) {
  wsm_buffer_commit(&s->in, n);
  if (s->http_matched && s->in.data)
    wsm_http_text_match(&s->http_matched, wsm_session_unparsed(s), s->error);
  if (has_ended(s) || s->in.start == s->in.end) wsm_buffer_clear(&s->in);
}

size_t wsm_session_read_size (const struct wsm_session *s, size_t n) {
  const uint64_t rest = s->has_message ? 0 : s->remaining;
  if (rest == 0 || rest + s->message_length < LARGE || rest >= n + n / 2)
    return n;
  return (size_t)rest;
}

static unsigned char *front (const struct wsm_session *s) {
  return s->in.data + s->in.start;
}

/* Removes the first n bytes of `in`. */
static void drop (struct wsm_session *s, size_t n) {
  s->parsed -= n;
  s->scanned = s->scanned > n ? s->scanned - n : 0;
  wsm_buffer_consume(&s->in, n);
}

/* Moves what was not parsed down to the end of the message's bytes. */
static void close_gap (struct wsm_session *s) {
  const size_t gap = s->parsed - s->message_length;
  const size_t rest = wsm_buffer_length(&s->in) - s->parsed;
  if (s->message_length == 0) {
    drop(s, s->parsed);
  } else if (gap > 0) {
    memmove(front(s) + s->message_length, front(s) + s->parsed, rest);
    s->in.end -= gap;
    s->parsed -= gap;
    s->scanned = s->scanned > gap ? s->scanned - gap : 0;
  }
  wsm_buffer_trim(&s->in);
}

/* --- the rules of a frame: RFC 6455 5.2 to 5.5 --- */

/* RFC 7692 6: RSV1 of the first frame counts for the message */
static bool is_compressed (const struct wsm_session *s,
                           const struct wsm_frame *f) {
  const bool first = f->opcode != WSM_CONTINUATION;
  return ((first ? f->bits : s->frame_bits) & WSM_RSV1) != 0;
}

static bool is_oversize (const struct wsm_session *s,
                         const struct wsm_frame *f) {
  if (f->length > s->limits->frame) return true;
  return !is_compressed(s, f) &&
         f->length > s->limits->message - s->message_length;
}

static bool validate_fragment (struct wsm_session *s,
                               const struct wsm_frame *f) {
  const uint32_t limit = s->limits->fragments;
  if (limit < UINT32_MAX && s->fragments >= limit) {
    wsm_violation_fragments(s);
    return false;
  }
  if (s->streams && !is_compressed(s, f) && wsm_part_exceeds(s, f->length)) {
    wsm_violation_size(s, f, s->streamed + s->message_length + f->length);
    return false;
  }
  return true;
}

/* Is the frame legal here and within the limits? If not, the session has
** failed. */
static bool validate_frame (struct wsm_session *s, const struct wsm_frame *f) {
  const char *broken = wsm_rule_of_frame(s, f);
  if (!broken) broken = wsm_rule_of_fragment(s, f);
  if (broken) {
    wsm_violation_frame(s, f, broken);
    return false;
  }
  if (wsm_opcode_is_control(f->opcode)) return true;
  if (is_oversize(s, f)) {
    wsm_violation_size(s, f, f->length + s->message_length);
    return false;
  }
  return s->fragmented ? validate_fragment(s, f) : true;
}

static enum step fail_text (struct wsm_session *s) {
  wsm_violation_text(s);
  return STEP_ENDED;
}

static bool is_inflating (const struct wsm_session *s) {
  return (s->frame_bits & WSM_RSV1) != 0;
}

/* --- control frames: RFC 6455 5.5 --- */

static enum step take_control (struct wsm_session *s, const struct wsm_frame *f,
                               size_t header) {
  const size_t whole = header + (size_t)f->length;
  const unsigned char *payload = front(s) + s->parsed + header;
  const bool scanned = s->parsed < s->scanned;
  if (wsm_buffer_length(&s->in) - s->parsed < whole) return STEP_MORE;
  if (!scanned || f->opcode == WSM_CLOSE) wsm_control_frame(s, f, payload);
  if (f->opcode == WSM_CLOSE) return STEP_ENDED;
  s->parsed += whole;
  return STEP_ON;
}

/* --- the zlib stream --- */

static struct wsm_message packed_message (const struct wsm_session *s) {
  const struct wsm_buffer *inflated = s->deflate ? &s->deflate->message : NULL;
  struct wsm_message m = { front(s), s->message_length, true };
  if (!is_inflating(s)) return m;
  m.data = wsm_buffer_bytes(inflated);
  m.length = wsm_buffer_length(inflated);
  return m;
}

static void drop_message (struct wsm_session *s) {
  s->message_length = 0;
  if (s->deflate) wsm_deflate_pop(s->deflate);
  drop(s, s->parsed);
}

/* A binary message is the next piece of the stream. */
static enum step take_piece (struct wsm_session *s) {
  const struct wsm_message piece = packed_message(s);
  enum wsm_inflated inflated = WSM_INFLATE_NO_MEMORY;
  const struct wsm_buffer *text;
  bool whole = false;
  if (!s->zlib) s->zlib = wsm_zlib_stream_new(s->in.pool, s->limits->message);
  if (s->zlib)
    inflated = wsm_zlib_stream_add(s->zlib, piece.data, piece.length, &whole);
  if (inflated != WSM_INFLATED) {
    wsm_violation_zlib(s, inflated);
    return STEP_ENDED;
  }
  if (!whole) {
    drop_message(s);
    return STEP_ON;
  }
  text = &s->zlib->inflate.message;
  if (!wsm_utf8_valid(wsm_buffer_bytes(text), wsm_buffer_length(text)))
    return fail_text(s);
  s->binary = false;
  s->frame_bits |= WSM_UNPACKED;
  return STEP_MESSAGE;
}

/* --- data frames: RFC 6455 5.4, 5.6 --- */

/* A message in one frame that has arrived whole: it stays where it is. */
static enum step take_whole (struct wsm_session *s, const struct wsm_frame *f,
                             size_t header) {
  const size_t n = (size_t)f->length;
  s->parsed += header;
  if (n) drop(s, s->parsed);
  s->parsed += n;
  s->message_length = n;
  if (f->masked) wsm_mask(front(s), n, f->key, 0);
  if (s->binary) return s->inflates ? take_piece(s) : STEP_MESSAGE;
  return wsm_utf8_valid(front(s), n) ? STEP_MESSAGE : fail_text(s);
}

/* Inflates n bytes more; bytes NULL: the end of the message. The text that
** this adds is checked. false: the session has failed. */
static bool inflate_more (struct wsm_session *s, const unsigned char *bytes,
                          size_t n) {
  struct wsm_deflate *d = s->deflate;
  const size_t before = wsm_buffer_length(&d->message);
  const enum wsm_inflated inflated = bytes ? wsm_deflate_inflate(d, bytes, n)
                                           : wsm_deflate_finish(d);
  const size_t added = wsm_buffer_length(&d->message) - before;
  if (inflated != WSM_INFLATED) {
    wsm_violation_deflate(s, inflated);
    return false;
  }
  if (s->binary || added == 0 ||
      wsm_utf8_feed(&s->utf8, d->message.data + before, added))
    return true;
  fail_text(s);
  return false;
}

/* The payload of the frame being read is complete. */
static enum step end_frame (struct wsm_session *s) {
  if (!(s->frame_bits & WSM_FIN)) return STEP_ON;
  if (is_inflating(s) && !inflate_more(s, NULL, 0)) return STEP_ENDED;
  if (!s->binary && !wsm_utf8_whole(&s->utf8)) return fail_text(s);
  s->fragmented = false;
  return s->binary && s->inflates ? take_piece(s) : STEP_MESSAGE;
}

/* Appends n unmasked bytes of payload to the message. */
static bool append (struct wsm_session *s, const unsigned char *from,
                    size_t n) {
  unsigned char *to = front(s) + s->message_length;
  if (is_inflating(s)) return inflate_more(s, from, n);
  if (!s->binary && !wsm_utf8_feed(&s->utf8, from, n)) {
    fail_text(s);
    return false;
  }
  if (to != from) memmove(to, from, n);
  s->message_length += n;
  return true;
}

/* Some of the message, to be taken before what follows. */
static enum step end_part (struct wsm_session *s) {
  s->frame_bits |= WSM_PART;
  return STEP_MESSAGE;
}

/* Takes what has arrived of the frame's payload; in parts, as much as fits. */
static enum step take_payload (struct wsm_session *s) {
  unsigned char *from;
  size_t n = wsm_buffer_length(&s->in) - s->parsed;
  if (n == 0) return STEP_MORE;
  if (n > s->remaining) n = (size_t)s->remaining;
  if (s->streams) {
    if (s->message_length == 0) drop(s, s->parsed);
    n = wsm_part_fit(s, n);
    if (n == 0) return end_part(s);
  }
  from = front(s) + s->parsed;
  if (s->role == WSM_SERVER)
    s->mask_offset = (uint8_t)wsm_mask(from, n, s->key, s->mask_offset);
  if (!append(s, from, n)) return STEP_ENDED;
  s->parsed += n;
  s->remaining -= n;
  if (s->remaining == 0) return end_frame(s);
  return s->streams ? STEP_ON : STEP_MORE;
}

static void begin_message (struct wsm_session *s, const struct wsm_frame *f) {
  s->binary = f->opcode == WSM_BINARY;
  s->frame_bits = f->bits;
  s->fragments = 1;
}

static void continue_message (struct wsm_session *s,
                              const struct wsm_frame *f) {
  s->frame_bits =
    (uint8_t)((f->bits & WSM_FIN) | (s->frame_bits & (WSM_RSV1 | WSM_REST)));
  if (s->fragments < UINT32_MAX) s->fragments++;
}

static enum step take_data (struct wsm_session *s, const struct wsm_frame *f,
                            size_t header) {
  const size_t arrived = wsm_buffer_length(&s->in) - s->parsed - header;
  if (f->opcode == WSM_CONTINUATION) {
    continue_message(s, f);
  } else {
    begin_message(s, f);
    if ((f->bits & WSM_FIN) && !is_inflating(s) && arrived >= f->length)
      return take_whole(s, f, header);
    memset(&s->utf8, 0, sizeof s->utf8);
    s->fragmented = true;
  }
  if (f->masked) memcpy(s->key, f->key, sizeof s->key);
  s->mask_offset = 0;
  s->remaining = f->length;
  s->parsed += header;
  return s->remaining ? take_payload(s) : end_frame(s);
}

/* --- reading frames --- */

static enum step take_frame (struct wsm_session *s) {
  const size_t n = wsm_buffer_length(&s->in) - s->parsed;
  struct wsm_frame f;
  int header;
  if (n == 0) return STEP_MORE;
  header = wsm_frame_parse(&f, front(s) + s->parsed, n);
  if (header == 0) return STEP_MORE;
  if (header < 0) {
    wsm_violation_length(s);
    return STEP_ENDED;
  }
  if (!validate_frame(s, &f)) return STEP_ENDED;
  if (wsm_opcode_is_control(f.opcode))
    return take_control(s, &f, (size_t)header);
  return take_data(s, &f, (size_t)header);
}

/* All that arrived was read, and no message is whole. */
static enum wsm_input await_more (struct wsm_session *s) {
  close_gap(s);
  if (!s->streams || !s->fragmented || wsm_part_length(s) == 0) return WSM_MORE;
  end_part(s);
  s->has_message = true;
  return WSM_MESSAGE;
}

static enum wsm_input read_message (struct wsm_session *s) {
  enum step step = STEP_ON;
  s->popped = false;
  if (has_ended(s)) return WSM_ENDED;
  if (s->pong_due) wsm_control_send_pong(s);
  while (step == STEP_ON) step = s->remaining ? take_payload(s) : take_frame(s);
  if (step == STEP_ENDED) return WSM_ENDED;
  s->has_message = step == STEP_MESSAGE;
  if (s->has_message) return WSM_MESSAGE;
  return s->in.data ? await_more(s) : WSM_MORE;
}

static void fill_unpacked (const struct wsm_session *s, struct wsm_message *m) {
  const struct wsm_deflate *d = s->frame_bits & WSM_UNPACKED ? &s->zlib->inflate
                                                             : s->deflate;
  m->length = wsm_buffer_length(&d->message);
  m->data = m->length ? wsm_buffer_bytes(&d->message)
                      : (const unsigned char *)"";
}

static void fill_message (const struct wsm_session *s, struct wsm_message *m) {
  m->binary = s->binary;
  if (s->frame_bits & (WSM_RSV1 | WSM_UNPACKED)) {
    fill_unpacked(s, m);
    return;
  }
  m->data = front(s);
  m->length = s->message_length;
}

enum wsm_input wsm_session_next (struct wsm_session *s, struct wsm_message *m) {
  if (!s->has_message) {
    const enum wsm_input input = read_message(s);
    if (input != WSM_MESSAGE) return input;
  }
  if (m) fill_message(s, m);
  return WSM_MESSAGE;
}

static void note_popped (struct wsm_session *s) {
  if (s->frame_bits & WSM_UNPACKED) wsm_zlib_stream_pop(s->zlib);
  if (s->frame_bits & WSM_PART) wsm_part_taken(s, wsm_part_length(s));
  else if (s->streams) wsm_part_finish(s);
  s->frame_bits &= (uint8_t)~WSM_PART;
}

void wsm_session_pop (struct wsm_session *s) {
  if (!s->has_message) return;
  s->has_message = false;
  s->popped = true;
  if (s->frame_bits & (WSM_UNPACKED | WSM_PART | WSM_REST)) note_popped(s);
  drop_message(s);
}

void wsm_session_part (const struct wsm_session *s, struct wsm_part *part) {
  fill_message(s, &part->message);
  part->bits = s->frame_bits & (WSM_PART | WSM_REST);
  if (!s->streams || part->message.length <= WSM_PART_SIZE) return;
  part->message.length = WSM_PART_SIZE;
  part->bits |= WSM_PART;
}

/* Leaves what is behind its first n bytes. */
static void pop_some (struct wsm_session *s, size_t n) {
  wsm_part_taken(s, n);
  if (is_inflating(s)) {
    wsm_buffer_consume(&s->deflate->message, n);
    return;
  }
  s->message_length -= n;
  drop(s, n);
}

void wsm_session_pop_part (struct wsm_session *s, const struct wsm_part *part) {
  const size_t n = part->message.length;
  if (s->streams && n < wsm_part_length(s)) pop_some(s, n);
  else wsm_session_pop(s);
}

size_t wsm_session_unread (const struct wsm_session *s) {
  const struct wsm_deflate *d = s->deflate;
  size_t n = wsm_buffer_length(&s->in);
  if (!s->has_message) return s->streams && n > LONGEST_CONTROL ? n : 0;
  if (d) n += wsm_buffer_length(&d->message);
  return s->zlib ? n + wsm_buffer_length(&s->zlib->inflate.message) : n;
}

/* --- output; the functions that send are in output.c, the scan in scan.c --- */

const unsigned char *wsm_session_output (const struct wsm_session *s,
                                         size_t *n) {
  if (s->deflate) return wsm_compressed_output(s, n);
  *n = wsm_session_pending(s);
  return *n ? s->out.data + s->out.start + s->sent : NULL;
}

void wsm_session_sent (struct wsm_session *s, size_t n) {
  if (s->deflate) wsm_compressed_sent(s, n);
  else wsm_output_sent(s, n);
  if (s->pong_due) wsm_control_send_pong(s);
}

size_t wsm_session_count_unsent (const struct wsm_session *s) {
  return wsm_output_count(s, s->deflate ? wsm_compressed_unsent(s) : 0);
}

bool wsm_session_unsent (struct wsm_session *s, size_t *at,
                         struct wsm_message *m) {
  if (s->deflate && *at == 0) *at = wsm_compressed_unsent(s);
  return wsm_output_unsent(s, at, m);
}
