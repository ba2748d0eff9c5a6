#include "peer.h"

#include <string.h>
#include <zlib.h>

#define MAX_BYTES 65536 /* of one peer */

static const unsigned char key[4] = { 0xA5, 0x17, 0x00, 0xFF };

static void append (struct wsm_buffer *to, const void *bytes, size_t n) {
  REQUIRE(wsm_buffer_append(to, bytes, n));
}

void peer_frame (struct wsm_buffer *to, const struct peer_frame *frame,
                 enum wsm_role reader) {
  const bool masked = reader == WSM_SERVER;
  const size_t n = frame->length;
  unsigned char head[8];
  size_t size = 0, i;
  head[size++] = (unsigned char)frame->first;
  head[size++] = (unsigned char)((masked ? 0x80 : 0) | (n < 126 ? n : 126));
  REQUIRE(n <= UINT16_MAX);
  if (n >= 126) head[size++] = (unsigned char)(n >> 8);
  if (n >= 126) head[size++] = (unsigned char)n;
  for (i = 0; masked && i < 4; i++) head[size++] = key[i];
  append(to, head, size);
  append(to, frame->payload, n);
  for (i = 0; masked && i < n; i++) to->data[to->end - n + i] ^= key[i % 4];
}

/* --- messages --- */

struct writer {
  struct wsm_buffer *to;
  struct input *in;
  enum wsm_role reader;
  const struct wsm_compression *agreed;
  z_stream deflater;
  bool open;
};

static void open_deflater (struct writer *w) {
  const int window = w->agreed->peer_window;
  if (w->open) return;
  memset(&w->deflater, 0, sizeof w->deflater);
  REQUIRE(deflateInit2(&w->deflater, 6, Z_DEFLATED, -(window < 9 ? 9 : window),
                       8, Z_DEFAULT_STRATEGY) == Z_OK);
  w->open = true;
}

/* Deflates n bytes in place; how chooses the flush, mostly the RFC's. */
static size_t compress_payload (struct writer *w, unsigned char *bytes,
                                size_t n, unsigned how) {
  static unsigned char compressed[MAX_BYTES * 2];
  z_stream *z = &w->deflater;
  size_t length;
  open_deflater(w);
  z->next_in = bytes;
  z->avail_in = (unsigned)n;
  z->next_out = compressed;
  z->avail_out = sizeof compressed;
  deflate(z, how == 1 ? Z_FINISH : how == 2 ? Z_FULL_FLUSH : Z_SYNC_FLUSH);
  length = sizeof compressed - z->avail_out;
  if (how != 1 && length >= 4) length -= 4;
  memcpy(bytes, compressed, length);
  if (how == 1 || !w->agreed->peer_takeover) {
    deflateEnd(z);
    w->open = false;
  }
  return length;
}

static void write_control (struct writer *w) {
  static const unsigned char kinds[] = { WSM_PING, WSM_PONG, WSM_CLOSE, 0xB };
  const unsigned kind = input_byte(w->in);
  struct peer_frame f;
  f.first = WSM_FIN | (kind < 200 ? kinds[kind & 1] : kinds[kind & 3]);
  f.length = input_byte(w->in) % 127;
  f.payload = input_piece(w->in, &f.length);
  peer_frame(w->to, &f, w->reader);
}

/* Text that often is UTF-8; a long one repeats the same bytes. */
static size_t make_text (struct writer *w, unsigned char *to) {
  static const unsigned repeats[] = { 1, 1, 2, 3, 40, 300 };
  size_t n = input_byte(w->in), i;
  const unsigned times = repeats[input_byte(w->in) % 6];
  const uint8_t *piece = input_piece(w->in, &n);
  for (i = 0; i < times; i++) memcpy(to + i * n, piece, n);
  return n * times;
}

static void write_fragments (struct writer *w, unsigned first,
                             const unsigned char *payload, size_t n) {
  size_t parts = input_byte(w->in) % 5;
  struct peer_frame f;
  f.first = first;
  f.payload = payload;
  for (; parts > 0; parts--) {
    f.length = n ? input_byte(w->in) % n : 0;
    peer_frame(w->to, &f, w->reader);
    if (input_flag(w->in)) write_control(w);
    f.payload += f.length;
    n -= f.length;
    f.first = WSM_CONTINUATION;
  }
  f.first |= WSM_FIN;
  f.length = n;
  peer_frame(w->to, &f, w->reader);
}

static void write_message (struct writer *w) {
  static unsigned char payload[MAX_BYTES * 2];
  const unsigned how = input_byte(w->in);
  unsigned first = how & 1 ? WSM_TEXT : WSM_BINARY;
  size_t n = make_text(w, payload);
  if (w->agreed && (how & 2)) {
    n = compress_payload(w, payload, n, how >> 5);
    first |= WSM_RSV1;
  }
  if (n > UINT16_MAX) n = UINT16_MAX;
  write_fragments(w, first, payload, n);
}

static void write_any_frame (struct writer *w) {
  struct peer_frame f;
  f.first = input_byte(w->in);
  f.length = input_byte(w->in);
  f.payload = input_piece(w->in, &f.length);
  peer_frame(w->to, &f, w->reader);
}

static void write_any_bytes (struct writer *w) {
  size_t n = input_byte(w->in) % 32;
  const uint8_t *piece = input_piece(w->in, &n);
  append(w->to, piece, n);
}

void peer_write (struct wsm_buffer *to, struct input *in, enum wsm_role reader,
                 const struct wsm_compression *agreed) {
  struct writer w;
  memset(&w, 0, sizeof w);
  w.to = to;
  w.in = in;
  w.reader = reader;
  w.agreed = agreed;
  while (in->left > 0 && wsm_buffer_length(to) < MAX_BYTES) {
    const unsigned step = input_byte(in);
    if (step < 150) write_message(&w);
    else if (step < 210) write_control(&w);
    else if (step < 240) write_any_frame(&w);
    else write_any_bytes(&w);
  }
  if (w.open) deflateEnd(&w.deflater);
}

size_t peer_boundary (const struct wsm_buffer *b, size_t start, size_t at) {
  const size_t n = wsm_buffer_length(b);
  while (start <= at && start < n) {
    struct wsm_frame f;
    const int header =
      wsm_frame_parse(&f, wsm_buffer_bytes(b) + start, n - start);
    if (header <= 0) return n;
    start += (size_t)header + (size_t)f.length;
  }
  return start < n ? start : n;
}

void peer_lines (struct wsm_buffer *to, struct input *in,
                 const struct peer_lines *lines) {
  while (in->left > 0) {
    const unsigned char c = (unsigned char)input_byte(in);
    const size_t line = c - (size_t)0xC0;
    if (c >= 0xC0 && line < lines->count)
      append(to, lines->text[line], strlen(lines->text[line]));
    else append(to, &c, 1);
  }
}
