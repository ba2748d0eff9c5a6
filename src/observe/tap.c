#include "observe/tap.h"

#include <string.h>
#include <zlib.h>
#include "base/memory.h"
#include "websocket/frame.h"
#include "websocket/mask.h"
#include "base/hidden.h"

#define INFLATED 4096    /* bytes of room for what is inflated at once */
#define MOST (64u << 20) /* bytes of one message that are inflated */

enum phase {
  PHASE_HEAD,
  PHASE_HEADER,  /* of a frame */
  PHASE_PAYLOAD, /* of that frame */
  PHASE_SKIP,    /* `remaining` bytes of what began before */
  PHASE_OVER     /* no frame follows: a response that rejects, a broken frame */
};

struct wsm_tap_side {
  uint8_t phase;
  uint8_t matched; /* of the empty line that ends a head */
  uint8_t have;    /* bytes of header */
  unsigned char header[WSM_FRAME_HEADER];
  struct wsm_frame frame;
  unsigned mask_offset;
  uint64_t remaining;   /* payload bytes of the frame, or to be skipped */
  uint64_t head_length; /* bytes of the head */
  bool noted;           /* the frame */
  bool compressed;      /* the message: RSV1 of its first frame */
  bool inflates;        /* zlib is there */
  uint64_t inflated;    /* bytes of the message so far */
  bool broken;          /* does not inflate: its context began before */
  z_stream zlib;
  struct wsm_buffer text; /* of the head, or the begin of the payload */
};

struct wsm_tap *wsm_tap_new (uint32_t keep) {
  struct wsm_tap *t = wsm_zalloc(sizeof *t);
  int i;
  if (!t) return NULL;
  t->keep = keep;
  for (i = 0; i < WSM_TAP_SIDES; i++) {
    t->sides[i] = wsm_zalloc(sizeof *t->sides[i]);
    if (t->sides[i]) continue;
    wsm_tap_free(t);
    return NULL;
  }
  return t;
}

static void clear (struct wsm_tap_side *s) {
  if (s->inflates) inflateEnd(&s->zlib);
  wsm_buffer_clear(&s->text);
  memset(s, 0, sizeof *s);
}

void wsm_tap_free (struct wsm_tap *t) {
  int i;
  if (!t) return;
  for (i = 0; i < WSM_TAP_SIDES; i++) {
    if (t->sides[i]) clear(t->sides[i]);
    wsm_free(t->sides[i]);
  }
  wsm_free(t);
}

void wsm_tap_restart (struct wsm_tap *t) {
  int i;
  for (i = 0; i < WSM_TAP_SIDES; i++) clear(t->sides[i]);
}

void wsm_tap_skip (struct wsm_tap *t, enum wsm_tap_direction direction,
                   uint64_t rest) {
  struct wsm_tap_side *s = t->sides[direction];
  clear(s);
  s->remaining = rest;
  s->phase = rest ? PHASE_SKIP : PHASE_HEADER;
}

/* --- notes --- */

static void add (struct wsm_journal *j, const struct wsm_tap_bytes *fed,
                 struct wsm_note *note, const struct wsm_tap_side *s) {
  note->at_ms = fed->now_ms;
  note->length = (uint32_t)wsm_buffer_length(&s->text);
  wsm_journal_add(j, note, wsm_buffer_bytes(&s->text));
}

static void note_head (struct wsm_journal *j, const struct wsm_tap_bytes *fed,
                       const struct wsm_tap_side *s) {
  struct wsm_note note = { .a = s->head_length };
  note.kind = fed->direction == WSM_TAP_IN ? WSM_NOTE_HEAD_IN
                                           : WSM_NOTE_HEAD_OUT;
  add(j, fed, &note, s);
}

static void note_frame (struct wsm_journal *j, const struct wsm_tap_bytes *fed,
                        struct wsm_tap_side *s, unsigned more) {
  struct wsm_note note = { .b = s->frame.length };
  note.a = s->header[0] | more;
  if (s->frame.masked) note.a |= WSM_FRAME_MASKED;
  if (s->compressed && !s->broken && !wsm_opcode_is_control(s->frame.opcode))
    note.a |= WSM_FRAME_INFLATED;
  note.kind = fed->direction == WSM_TAP_IN ? WSM_NOTE_FRAME_IN
                                           : WSM_NOTE_FRAME_OUT;
  add(j, fed, &note, s);
  s->noted = true;
  wsm_buffer_clear(&s->text);
}

/* --- heads --- */

static bool begins_with (const struct wsm_tap_side *s, const char *text) {
  const size_t n = strlen(text);
  return wsm_buffer_length(&s->text) >= n &&
         memcmp(wsm_buffer_bytes(&s->text), text, n) == 0;
}

/* "HTTP/1.1 101": the first digit of the status is the tenth byte. */
static void end_head (struct wsm_tap *t, struct wsm_tap_side *s) {
  const unsigned char *text = wsm_buffer_bytes(&s->text);
  int i;
  s->matched = 0;
  s->head_length = 0;
  if (!begins_with(s, "HTTP/") || wsm_buffer_length(&s->text) < 12) return;
  if (memcmp(text + 9, "101", 3) == 0)
    for (i = 0; i < WSM_TAP_SIDES; i++) {
      if (t->sides[i]->phase == PHASE_HEAD) t->sides[i]->phase = PHASE_HEADER;
    }
  else if (text[9] != '1') s->phase = PHASE_OVER;
}

/* How many of the bytes belong to the head. */
static size_t take_head (struct wsm_tap_side *s, const unsigned char *bytes,
                         size_t n) {
  static const char end[] = "\r\n\r\n";
  size_t i, room = WSM_TAP_HEAD - wsm_buffer_length(&s->text);
  for (i = 0; i < n && s->matched < 4; i++) {
    if (bytes[i] == (unsigned char)end[s->matched]) s->matched++;
    else s->matched = bytes[i] == '\r';
  }
  s->head_length += i;
  wsm_buffer_append(&s->text, bytes, i < room ? i : room);
  return i;
}

/* --- frames --- */

static void keep (const struct wsm_tap *t, struct wsm_tap_side *s,
                  const unsigned char *bytes, size_t n) {
  const size_t room = t->keep - wsm_buffer_length(&s->text);
  wsm_buffer_append(&s->text, bytes, n < room ? n : room);
}

/* What there is of it says nothing. */
static void give_up_inflating (struct wsm_tap_side *s) {
  s->broken = true;
  wsm_buffer_clear(&s->text);
}

/* All of it is inflated, for the sake of what follows; its begin is kept. */
static void inflate_on (const struct wsm_tap *t, struct wsm_tap_side *s,
                        unsigned char *bytes, size_t n) {
  unsigned char out[INFLATED];
  bool ended;
  s->zlib.next_in = bytes;
  s->zlib.avail_in = (uInt)n;
  do {
    int result;
    s->zlib.next_out = out;
    s->zlib.avail_out = sizeof out;
    result = inflate(&s->zlib, Z_SYNC_FLUSH);
    ended = result == Z_STREAM_END; /* RFC 7692 7.2.3.4: others may follow */
    if (ended) result = inflateReset(&s->zlib);
    s->inflated += sizeof out - s->zlib.avail_out;
    if ((result != Z_OK && result != Z_BUF_ERROR) || s->inflated > MOST)
      give_up_inflating(s);
    else if (!s->noted) keep(t, s, out, sizeof out - s->zlib.avail_out);
  } while (!s->broken &&
           (s->zlib.avail_out == 0 || (ended && s->zlib.avail_in > 0)));
}

static bool is_compressed (const struct wsm_tap_side *s) {
  return s->compressed && !wsm_opcode_is_control(s->frame.opcode);
}

static bool may_inflate (struct wsm_tap_side *s) {
  if (!is_compressed(s) || s->broken) return false;
  if (!s->inflates) s->inflates = inflateInit2(&s->zlib, -MAX_WBITS) == Z_OK;
  s->broken = !s->inflates;
  return s->inflates;
}

/* n bytes of payload, which are unmasked in pieces of a copy. */
static void take_piece (const struct wsm_tap *t, struct wsm_tap_side *s,
                        const unsigned char *bytes, size_t n) {
  unsigned char piece[INFLATED];
  while (n > 0 && (!s->noted || may_inflate(s))) {
    const size_t size = n < sizeof piece ? n : sizeof piece;
    memcpy(piece, bytes, size);
    if (s->frame.masked)
      s->mask_offset = wsm_mask(piece, size, s->frame.key, s->mask_offset);
    if (may_inflate(s)) inflate_on(t, s, piece, size);
    else if (!is_compressed(s)) keep(t, s, piece, size);
    if (wsm_buffer_length(&s->text) == t->keep && !may_inflate(s)) return;
    bytes += size;
    n -= size;
  }
}

static bool is_enough (const struct wsm_tap *t, const struct wsm_tap_side *s) {
  return !s->noted &&
         (s->remaining == 0 || wsm_buffer_length(&s->text) == t->keep ||
          (is_compressed(s) && s->broken));
}

/* RFC 7692 7.2.2 */
static void end_message (const struct wsm_tap *t, struct wsm_tap_side *s) {
  unsigned char tail[] = { 0, 0, 0xff, 0xff };
  if ((s->frame.bits & WSM_FIN) && may_inflate(s))
    inflate_on(t, s, tail, sizeof tail);
}

static void take_payload (const struct wsm_tap *t, struct wsm_journal *j,
                          const struct wsm_tap_bytes *fed, size_t n) {
  struct wsm_tap_side *s = t->sides[fed->direction];
  take_piece(t, s, fed->bytes, n);
  s->remaining -= n;
  if (s->remaining == 0) end_message(t, s);
  if (is_enough(t, s)) note_frame(j, fed, s, 0);
  if (s->remaining > 0) return;
  s->phase = PHASE_HEADER;
  s->have = 0;
}

static void begin_frame (const struct wsm_tap *t, struct wsm_journal *j,
                         const struct wsm_tap_bytes *fed) {
  struct wsm_tap_side *s = t->sides[fed->direction];
  const struct wsm_frame *f = &s->frame;
  s->remaining = f->length;
  s->mask_offset = 0;
  s->noted = false;
  if (f->opcode == WSM_TEXT || f->opcode == WSM_BINARY) {
    s->compressed = (f->bits & WSM_RSV1) != 0;
    s->inflated = 0;
  }
  s->phase = PHASE_PAYLOAD;
  if (f->length == 0) take_payload(t, j, fed, 0);
}

/* How many of the bytes belong to the header. */
static size_t take_header (const struct wsm_tap *t, struct wsm_journal *j,
                           const struct wsm_tap_bytes *fed) {
  struct wsm_tap_side *s = t->sides[fed->direction];
  size_t i = 0;
  int length = 0;
  while (i < fed->n && length == 0) {
    s->header[s->have++] = fed->bytes[i++];
    length = wsm_frame_parse(&s->frame, s->header, s->have);
  }
  if (length > 0) begin_frame(t, j, fed);
  if (length >= 0) return i;
  s->phase = PHASE_OVER;
  s->compressed = false;
  s->frame.length = 0;
  note_frame(j, fed, s, WSM_FRAME_BROKEN);
  return i;
}

static size_t take (struct wsm_tap *t, struct wsm_journal *j,
                    const struct wsm_tap_bytes *fed) {
  struct wsm_tap_side *s = t->sides[fed->direction];
  size_t n = fed->n;
  switch (s->phase) {
    case PHASE_HEAD:
      n = take_head(s, fed->bytes, n);
      if (s->matched < 4) return n;
      note_head(j, fed, s);
      end_head(t, s);
      wsm_buffer_clear(&s->text);
      return n;
    case PHASE_HEADER:
      return take_header(t, j, fed);
    case PHASE_PAYLOAD:
      if (n > s->remaining) n = (size_t)s->remaining;
      take_payload(t, j, fed, n);
      return n;
    case PHASE_SKIP:
      if (n > s->remaining) n = (size_t)s->remaining;
      s->remaining -= n;
      if (s->remaining == 0) s->phase = PHASE_HEADER;
      return n;
    default:
      return n;
  }
}

void wsm_tap_feed (struct wsm_tap *t, struct wsm_journal *j,
                   const struct wsm_tap_bytes *fed) {
  struct wsm_tap_bytes rest = *fed;
  while (rest.n > 0) {
    const size_t taken = take(t, j, &rest);
    rest.bytes += taken;
    rest.n -= taken;
  }
}
