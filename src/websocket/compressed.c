#include "websocket/compressed.h"

#include "websocket/deflate.h"
#include "websocket/output.h"
#include "base/hidden.h"

#define BATCH (64u << 10) /* bytes of wire that are a write's worth */

/* A frame of `out`: all of it, and its payload at the end. */
struct plain {
  const unsigned char *bytes;
  size_t length;
  struct wsm_frame frame;
};

static bool is_worth_it (const struct wsm_deflate *d,
                         const struct wsm_frame *f) {
  return (f->opcode == WSM_TEXT || f->opcode == WSM_BINARY) &&
         f->length >= d->agreed.threshold;
}

/* Goes as it is, but masked. */
static bool copy (struct wsm_deflate *d, const struct plain *p) {
  const size_t n = (size_t)p->frame.length;
  unsigned char *to = wsm_buffer_reserve(&d->wire, p->length);
  if (!to) return false;
  memcpy(to, p->bytes, p->length);
  if (p->frame.masked) wsm_mask(to + p->length - n, n, p->frame.key, 0);
  wsm_buffer_commit(&d->wire, p->length);
  return true;
}

/* Writes the header before the n bytes at the end of wire, behind a gap for
** the longest one. */
static void put_header (struct wsm_buffer *wire, const struct wsm_frame *f,
                        size_t n) {
  unsigned char *payload = wire->data + wire->end - n;
  const unsigned char *key = f->masked ? f->key : NULL;
  const unsigned first = WSM_FIN | WSM_RSV1 | f->opcode;
  unsigned char *to = payload - WSM_FRAME_HEADER;
  const size_t header = wsm_frame_size(n, f->masked);
  memmove(to + header, payload, n);
  wsm_frame_write(to, first, n, key);
  if (key) wsm_mask(to + header, n, key, 0);
  wire->end -= WSM_FRAME_HEADER - header;
}

static bool compress_frame (struct wsm_deflate *d, const struct plain *p) {
  const size_t n = (size_t)p->frame.length;
  struct wsm_buffer *wire = &d->wire;
  const size_t before = wsm_buffer_length(wire);
  if (!wsm_buffer_reserve(wire, WSM_FRAME_HEADER)) return false;
  wsm_buffer_commit(wire, WSM_FRAME_HEADER);
  if (!wsm_deflate_append(d, wire, p->bytes + p->length - n, n)) {
    wire->end = wire->start + before;
    return false;
  }
  put_header(wire, &p->frame,
             wsm_buffer_length(wire) - before - WSM_FRAME_HEADER);
  return true;
}

/* Moves frames of `out` to the empty wire, a write's worth of them. */
static void fill (const struct wsm_session *s) {
  struct wsm_deflate *d = s->deflate;
  const size_t n = wsm_buffer_length(&s->out);
  while (d->packed < n && wsm_buffer_length(&d->wire) < BATCH) {
    struct plain p;
    p.bytes = s->out.data + s->out.start + d->packed;
    p.length = wsm_output_frame_length(&s->out, d->packed, &p.frame);
    /* what finds no memory to be compressed in may still find it as it is */
    if (!(is_worth_it(d, &p.frame) && compress_frame(d, &p)) && !copy(d, &p))
      break;
    d->packed += p.length;
  }
  if (d->packed == 0) wsm_buffer_clear(&d->wire);
}

const unsigned char *wsm_compressed_output (const struct wsm_session *s,
                                            size_t *n) {
  struct wsm_deflate *d = s->deflate;
  if (d->packed == 0) fill(s);
  *n = wsm_buffer_length(&d->wire) - d->sent;
  return *n ? wsm_buffer_bytes(&d->wire) + d->sent : NULL;
}

void wsm_compressed_sent (struct wsm_session *s, size_t n) {
  struct wsm_deflate *d = s->deflate;
  d->sent += n;
  if (d->sent < wsm_buffer_length(&d->wire)) return;
  wsm_buffer_consume(&s->out, d->packed);
  wsm_buffer_clear(&d->wire);
  d->sent = d->packed = 0;
}

/* The frames of wire are those at the start of `out`, one for one. */
size_t wsm_compressed_unsent (const struct wsm_session *s) {
  const struct wsm_deflate *d = s->deflate;
  struct wsm_frame f;
  size_t at = 0, sent = 0;
  while (at < d->packed) {
    sent += wsm_output_frame_length(&d->wire, sent, &f);
    if (sent > d->sent) break;
    at += wsm_output_frame_length(&s->out, at, &f);
  }
  return at;
}
