#include "model.h"

#include <string.h>
#include <zlib.h>

#include "input.h"

/* --- texts --- */

void texts_add (struct texts *t, const struct text *text) {
  REQUIRE(wsm_buffer_append(&t->bytes, text, sizeof *text));
  REQUIRE(wsm_buffer_append(&t->bytes, text->data, text->length));
  t->count++;
}

bool texts_take (const struct texts *t, size_t *at, struct text *text) {
  const unsigned char *from;
  if (*at == wsm_buffer_length(&t->bytes)) return false;
  from = wsm_buffer_bytes(&t->bytes) + *at;
  memcpy(text, from, sizeof *text);
  text->data = from + sizeof *text;
  *at += sizeof *text + text->length;
  return true;
}

void texts_clear (struct texts *t) {
  wsm_buffer_clear(&t->bytes);
  t->count = 0;
}

/* --- UTF-8 --- */

static size_t sequence (unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  return lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
}

/* The values that code points of that many bytes may have (RFC 3629 3). */
static bool is_in_range (uint32_t value, size_t size) {
  static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
  return value >= least[size] && value <= 0x10FFFF &&
         !(value >= 0xD800 && value <= 0xDFFF);
}

/* Are the n bytes a prefix of a code point of that size? Tried with the missing
** bits all zeros and all ones: if neither is in range, none between is. */
static bool is_possible (const unsigned char *bytes, size_t n, size_t size) {
  static const unsigned char kept[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
  uint32_t low = bytes[0] & kept[size], high = low;
  size_t i;
  for (i = 1; i < size; i++) {
    if (i < n && (bytes[i] & 0xC0) != 0x80) return false;
    low = low << 6 | (i < n ? bytes[i] & 0x3Fu : 0);
    high = high << 6 | (i < n ? bytes[i] & 0x3Fu : 0x3Fu);
  }
  return is_in_range(low, size) || is_in_range(high, size);
}

bool model_is_utf8 (const unsigned char *bytes, size_t n, bool *whole) {
  size_t i = 0;
  *whole = true;
  while (i < n) {
    const size_t size = sequence(bytes[i]);
    const size_t present = size < n - i ? size : n - i;
    if (size == 0 || !is_possible(bytes + i, present, size)) return false;
    *whole = present == size;
    i += present;
  }
  return true;
}

/* --- inflation --- */

struct inflater {
  z_stream z;
  bool open, ended, has_input;
};

/* All output of one more byte of input; false: not DEFLATE data. */
static bool inflate_byte (struct inflater *f, unsigned char byte,
                          struct wsm_buffer *to) {
  int code;
  if (f->ended) inflateResetKeep(&f->z);
  f->ended = false;
  f->has_input = true;
  f->z.next_in = &byte;
  f->z.avail_in = 1;
  do {
    unsigned char *at = wsm_buffer_reserve(to, 4096);
    REQUIRE(at);
    f->z.next_out = at;
    f->z.avail_out = 4096;
    code = inflate(&f->z, Z_SYNC_FLUSH);
    wsm_buffer_commit(to, 4096 - f->z.avail_out);
    f->ended = code == Z_STREAM_END;
  } while (code == Z_OK && f->z.avail_out == 0);
  return code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR;
}

static void inflater_open (struct inflater *f, int window) {
  if (f->open) return;
  memset(f, 0, sizeof *f);
  REQUIRE(inflateInit2(&f->z, -window) == Z_OK);
  f->open = true;
}

static void inflater_close (struct inflater *f) {
  if (f->open) inflateEnd(&f->z);
  f->open = false;
}

/* --- frames --- */

struct head {
  unsigned opcode;
  bool fin, rsv1, others, masked, bad_length;
  uint64_t length;
  unsigned char key[4];
};

struct reader {
  const struct model_rules *rules;
  struct model *model;
  const unsigned char *at;
  size_t left;
  struct wsm_buffer message; /* so far */
  size_t opcode;             /* of the message; 0: none has begun */
  bool compressed, within;   /* it is compressed; its payload is being read */
  uint32_t fragments;
  struct inflater inflater;
};

/* The length of the header; 0: it is not whole. */
static size_t read_head (struct head *h, const unsigned char *b, size_t n) {
  size_t at = 2, extended = 0, i;
  if (n < 2) return 0;
  memset(h, 0, sizeof *h);
  h->fin = (b[0] & 0x80) != 0;
  h->rsv1 = (b[0] & 0x40) != 0;
  h->others = (b[0] & 0x30) != 0;
  h->opcode = b[0] & 15;
  h->masked = (b[1] & 0x80) != 0;
  h->length = b[1] & 0x7F;
  if (h->length == 126) extended = 2;
  if (h->length == 127) extended = 8;
  if (n < at + extended + (h->masked ? 4 : 0)) return 0;
  if (extended) h->length = 0;
  for (i = 0; i < extended; i++) h->length = h->length << 8 | b[at++];
  if (extended == 2 && h->length < 126) h->bad_length = true;
  if (extended == 8 && (h->length < 65536 || h->length >> 63))
    h->bad_length = true;
  for (i = 0; h->masked && i < 4; i++) h->key[i] = b[at++];
  return at;
}

static void fail (struct reader *r, unsigned code) {
  if (r->model->end != MODEL_OPEN) return;
  r->model->end = MODEL_FAILED;
  r->model->code = code;
  r->model->inflating = r->compressed && r->within;
}

static bool is_control (const struct head *h) {
  return h->opcode >= 8;
}

static bool is_illegal (const struct reader *r, const struct head *h) {
  const bool starts = h->opcode == WSM_TEXT || h->opcode == WSM_BINARY;
  if (h->bad_length || h->others) return true;
  if (h->rsv1 && !(r->rules->agreed && starts)) return true;
  if (h->opcode > 10 || (h->opcode > 2 && h->opcode < 8)) return true;
  if (h->masked != (r->rules->role == WSM_SERVER)) return true;
  if (is_control(h)) return !h->fin || h->length > 125;
  return (h->opcode == 0) != (r->opcode != 0);
}

/* 0, or the close code for a data frame that is too large. */
static unsigned check_size (const struct reader *r, const struct head *h) {
  const struct wsm_limits *limits = &r->rules->limits;
  const bool compressed = h->opcode ? h->rsv1 : r->compressed;
  const uint64_t had = wsm_buffer_length(&r->message);
  if (h->length > limits->frame) return WSM_TOO_BIG;
  if (!compressed && had + h->length > limits->message) return WSM_TOO_BIG;
  if (h->opcode == 0 && r->fragments >= limits->fragments) return WSM_POLICY;
  return 0;
}

static void read_close (struct reader *r, const unsigned char *b, size_t n) {
  struct model *m = r->model;
  bool whole = true;
  unsigned code = WSM_NO_STATUS;
  if (n >= 2) code = (unsigned)b[0] << 8 | b[1];
  if (n == 1 || code < 1000 || code == 1004 || code == 1006 || code > 4999 ||
      (n >= 2 && code == 1005) || (code > 1014 && code < 3000)) {
    fail(r, WSM_PROTOCOL_ERROR);
    m->answers = true;
    m->answer_code = WSM_NO_STATUS;
    return;
  }
  m->reason_length = n > 2 ? n - 2 : 0;
  if (m->reason_length) memcpy(m->reason, b + 2, m->reason_length);
  if (!model_is_utf8(m->reason, m->reason_length, &whole) || !whole) {
    fail(r, WSM_INVALID_DATA);
    m->answers = true;
    m->answer_code = code;
    return;
  }
  m->end = MODEL_CLOSED;
  m->code = code;
}

static void read_control (struct reader *r, const struct head *h,
                          const unsigned char *b) {
  const struct text text = { b, (size_t)h->length, 0 };
  if (h->opcode == WSM_PING) texts_add(&r->model->pings, &text);
  else if (h->opcode == WSM_PONG) texts_add(&r->model->pongs, &text);
  else read_close(r, b, (size_t)h->length);
}

/* One unmasked byte of a message's payload. */
static void read_byte (struct reader *r, unsigned char byte) {
  if (!r->compressed) {
    REQUIRE(wsm_buffer_append(&r->message, &byte, 1));
    return;
  }
  inflater_open(&r->inflater, r->rules->agreed->peer_window);
  if (!inflate_byte(&r->inflater, byte, &r->message)) fail(r, WSM_INVALID_DATA);
  if (wsm_buffer_length(&r->message) > r->rules->limits.message)
    fail(r, WSM_TOO_BIG);
}

/* RFC 7692 7.2.2: a compressed message must end where a block ends, which may be
** the final one. */
static void read_tail (struct reader *r) {
  static const unsigned char tail[4] = { 0, 0, 0xFF, 0xFF };
  struct inflater *f = &r->inflater;
  size_t i;
  if (!f->open || !f->has_input) return;
  if (!f->ended)
    for (i = 0; i < sizeof tail && r->model->end == MODEL_OPEN; i++)
      read_byte(r, tail[i]);
  if (!f->ended && ((f->z.data_type & 128) == 0 || (f->z.data_type & 7) != 0))
    fail(r, WSM_INVALID_DATA);
  f->has_input = false;
  if (!r->rules->agreed->peer_takeover) inflater_close(f);
}

static void check_text (struct reader *r, bool ends) {
  const struct wsm_buffer *b = &r->message;
  bool whole;
  if (r->opcode != WSM_TEXT) return;
  if (!model_is_utf8(wsm_buffer_bytes(b), wsm_buffer_length(b), &whole) ||
      (ends && !whole))
    fail(r, WSM_INVALID_DATA);
}

static void end_message (struct reader *r) {
  struct text text;
  if (r->compressed) read_tail(r);
  check_text(r, true);
  if (r->model->end != MODEL_OPEN) return;
  text.data = wsm_buffer_bytes(&r->message);
  text.length = wsm_buffer_length(&r->message);
  text.mark = (unsigned)r->opcode;
  texts_add(&r->model->messages, &text);
  wsm_buffer_clear(&r->message);
  r->opcode = 0;
}

/* The first n bytes of the payload. */
static void read_data (struct reader *r, const struct head *h,
                       const unsigned char *b, size_t n) {
  size_t i;
  if (h->opcode) {
    r->opcode = h->opcode;
    r->compressed = h->rsv1;
    r->fragments = 0;
  }
  r->fragments++;
  r->within = true;
  for (i = 0; i < n && r->model->end == MODEL_OPEN; i++) read_byte(r, b[i]);
  check_text(r, false);
  if (n == h->length && h->fin && r->model->end == MODEL_OPEN) end_message(r);
  r->within = false;
}

static void unmask (unsigned char *b, size_t n, const struct head *h) {
  size_t i;
  for (i = 0; h->masked && i < n; i++) b[i] ^= h->key[i % 4];
}

/* false: no whole frame is left, or the model has ended. */
static bool read_frame (struct reader *r) {
  struct head h;
  const size_t header = read_head(&h, r->at, r->left);
  unsigned char *payload;
  unsigned code;
  size_t n;
  if (header == 0) return false;
  code = is_illegal(r, &h) ? WSM_PROTOCOL_ERROR : 0;
  if (!code && !is_control(&h)) code = check_size(r, &h);
  if (code) {
    fail(r, code);
    return false;
  }
  n = r->left - header;
  if (n > h.length) n = (size_t)h.length;
  if (is_control(&h) && n < h.length) return false;
  payload = malloc(n + 1);
  REQUIRE(payload);
  memcpy(payload, r->at + header, n);
  unmask(payload, n, &h);
  if (is_control(&h)) read_control(r, &h, payload);
  else read_data(r, &h, payload, n);
  free(payload);
  r->at += header + n;
  r->left -= header + n;
  return n == h.length && r->model->end == MODEL_OPEN;
}

void model_read (struct model *m, const struct model_rules *rules,
                 const unsigned char *bytes, size_t n) {
  struct reader r;
  memset(&r, 0, sizeof r);
  r.rules = rules;
  r.model = m;
  r.at = bytes;
  r.left = n;
  while (read_frame(&r)) continue;
  inflater_close(&r.inflater);
  wsm_buffer_clear(&r.message);
}

void model_clear (struct model *m) {
  texts_clear(&m->messages);
  texts_clear(&m->pings);
  texts_clear(&m->pongs);
}
