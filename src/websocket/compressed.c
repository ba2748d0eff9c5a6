#include "websocket/compressed.h"

#include "websocket/deflate.h"
#include "websocket/output.h"
#include "base/hidden.h"

#define BATCH (64u << 10) /* encoded bytes that are worth a write */

/* A whole frame of `out`; the payload is its end. */
struct plain {
  const unsigned char *bytes;
  size_t length;
  struct wsm_frame frame;
};

static bool is_compressible (const struct wsm_deflate *d,
                             const struct wsm_frame *f) {
  return (f->opcode == WSM_TEXT || f->opcode == WSM_BINARY) &&
         f->length >= d->agreed.threshold;
}

/* Not compressed, but masked. */
static bool copy_frame (struct wsm_deflate *d, const struct plain *p) {
  const size_t n = (size_t)p->frame.length;
  unsigned char *to = wsm_buffer_reserve(&d->encoded, p->length);
  if (!to) return false;
  memcpy(to, p->bytes, p->length);
  if (p->frame.masked) wsm_mask(to + p->length - n, n, p->frame.key, 0);
  wsm_buffer_commit(&d->encoded, p->length);
  return true;
}

/* Writes the header before the n bytes at the end of encoded, which follow a gap
** for the longest one. */
static void put_header (struct wsm_buffer *encoded, const struct wsm_frame *f,
                        size_t n) {
  unsigned char *payload = encoded->data + encoded->end - n;
  const unsigned char *key = f->masked ? f->key : NULL;
  const unsigned first = WSM_FIN | WSM_RSV1 | f->opcode;
  unsigned char *to = payload - WSM_FRAME_HEADER;
  const size_t header = wsm_frame_size(n, f->masked);
  memmove(to + header, payload, n);
  wsm_frame_write(to, first, n, key);
  if (key) wsm_mask(to + header, n, key, 0);
  encoded->end -= WSM_FRAME_HEADER - header;
}

static bool compress_frame (struct wsm_deflate *d, const struct plain *p) {
  const size_t n = (size_t)p->frame.length;
  struct wsm_buffer *encoded = &d->encoded;
  const size_t before = wsm_buffer_length(encoded);
  if (!wsm_buffer_reserve(encoded, WSM_FRAME_HEADER)) return false;
  wsm_buffer_commit(encoded, WSM_FRAME_HEADER);
  if (!wsm_deflate_append(d, encoded, p->bytes + p->length - n, n)) {
    encoded->end = encoded->start + before;
    return false;
  }
  put_header(encoded, &p->frame,
             wsm_buffer_length(encoded) - before - WSM_FRAME_HEADER);
  return true;
}

/* Encodes frames of `out` until it is worth a write. */
static void encode (const struct wsm_session *s) {
  struct wsm_deflate *d = s->deflate;
  const size_t n = wsm_buffer_length(&s->out);
  while (d->out_encoded < n && wsm_buffer_length(&d->encoded) < BATCH) {
    struct plain p;
    p.bytes = s->out.data + s->out.start + d->out_encoded;
    p.length = wsm_output_frame_length(&s->out, d->out_encoded, &p.frame);
    /* copying may find memory where compressing did not */
    if (!(is_compressible(d, &p.frame) && compress_frame(d, &p)) &&
        !copy_frame(d, &p))
      break;
    d->out_encoded += p.length;
  }
  if (d->out_encoded == 0) wsm_buffer_clear(&d->encoded);
}

const unsigned char *wsm_compressed_output (const struct wsm_session *s,
                                            size_t *n) {
  struct wsm_deflate *d = s->deflate;
  if (d->out_encoded == 0) encode(s);
  *n = wsm_buffer_length(&d->encoded) - d->sent;
  return *n ? wsm_buffer_bytes(&d->encoded) + d->sent : NULL;
}

void wsm_compressed_sent (struct wsm_session *s, size_t n) {
  struct wsm_deflate *d = s->deflate;
  d->sent += n;
  if (d->sent < wsm_buffer_length(&d->encoded)) return;
  wsm_buffer_consume(&s->out, d->out_encoded);
  wsm_output_trimmed(s, d->out_encoded);
  wsm_buffer_clear(&d->encoded);
  d->sent = d->out_encoded = 0;
}

/* The frames of encoded are the first of `out`, one for one. */
size_t wsm_compressed_unsent (const struct wsm_session *s) {
  const struct wsm_deflate *d = s->deflate;
  struct wsm_frame f;
  size_t at = 0, sent = 0;
  while (at < d->out_encoded) {
    sent += wsm_output_frame_length(&d->encoded, sent, &f);
    if (sent > d->sent) break;
    at += wsm_output_frame_length(&s->out, at, &f);
  }
  return at;
}
