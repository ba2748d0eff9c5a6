#define ZLIB_CONST
#include "websocket/deflate.h"

#include <limits.h>
#include <zlib.h>

#include "base/memory.h"
#include "base/hidden.h"

/* With fewer than 1,024 symbols in a block its header outweighs them. */
#define MIN_MEM_LEVEL 4

#define MIN_WINDOW 9               /* of zlib's deflate */
#define STATE_ROOM ((size_t)16384) /* for zlib's state of either direction */
#define ALIGNMENT 16               /* a power of two */
#define CHUNK 1024                 /* at least so much room to deflate into */
#define TAIL 4                     /* 00 00 ff ff, RFC 7692 7.2.1 */
#define AT_BLOCK 128               /* z->data_type: between two blocks */
#define BITS_LEFT 7 /* z->data_type: unused bits of the last byte */

/* --- contexts --- */

/* A context that is kept allocates; one for a single message lives in a block of
** the pool. */
struct wsm_context {
  z_stream z;
  struct wsm_buffer block;
  int at; /* z.data_type after it last read or wrote: a call that can do neither
             forgets it */
};

static bool is_inside (const struct wsm_buffer *b, const void *at) {
  const unsigned char *byte = at;
  return b->data && byte >= b->data && byte < b->data + b->size;
}

#if ALIGNMENT & (ALIGNMENT - 1)
#error "blocks for zlib would not be aligned"
#endif

static void *zlib_alloc (void *opaque, unsigned items, unsigned size) {
  struct wsm_buffer *b = opaque;
  const size_t n = (size_t)items * size;
  const size_t whole = (n + (ALIGNMENT - 1)) & ~(size_t)(ALIGNMENT - 1);
  if (!b->data || b->size - b->end < whole) return wsm_alloc(n);
  wsm_buffer_commit(b, whole);
  return b->data + b->end - whole;
}

static void zlib_free (void *opaque, void *block) {
  if (!is_inside(opaque, block)) wsm_free(block);
}

static void context_free (struct wsm_context *c) {
  wsm_buffer_clear(&c->block);
  wsm_free(c);
}

/* kept: for more than one message; else room bytes are enough. */
static struct wsm_context *context_new (struct wsm_pool *pool, bool kept,
                                        size_t room) {
  struct wsm_context *c = wsm_zalloc(sizeof *c);
  if (!c) return NULL;
  c->block.pool = pool;
  c->z.opaque = &c->block;
  c->z.zalloc = zlib_alloc;
  c->z.zfree = zlib_free;
  if (kept || wsm_buffer_reserve(&c->block, room)) return c;
  wsm_free(c);
  return NULL;
}

static bool open_inflater (struct wsm_deflate *d) {
  const int window = d->agreed.peer_window;
  struct wsm_context *c;
  if (d->inflater) return true;
  c = context_new(d->message.pool, d->agreed.peer_takeover,
                  ((size_t)1 << window) + STATE_ROOM);
  if (!c) return false;
  if (inflateInit2(&c->z, d->zlib ? window : -window) == Z_OK) d->inflater = c;
  else context_free(c);
  return d->inflater != NULL;
}

static void close_inflater (struct wsm_deflate *d) {
  if (!d->inflater) return;
  inflateEnd(&d->inflater->z);
  context_free(d->inflater);
  d->inflater = NULL;
}

/* A hash table with an entry for each byte of the window; 8, the default of
** zlib, for 15 bits. */
static int memory_level (int window) {
  return window - 7 > MIN_MEM_LEVEL ? window - 7 : MIN_MEM_LEVEL;
}

/* A window of 8 bits is zlib's 9: it reaches back 512 - 262 bytes at most (the
** distance it calls MAX_DIST), which stays within 256. */
static bool open_deflater (struct wsm_deflate *d) {
  const int wanted = d->agreed.window;
  const int window = wanted < MIN_WINDOW ? MIN_WINDOW : wanted;
  const int level = memory_level(window);
  struct wsm_context *c;
  if (d->deflater) return true;
  c = context_new(d->encoded.pool, d->agreed.takeover,
                  ((size_t)4 << window) + ((size_t)512 << level) + STATE_ROOM);
  if (!c) return false;
  if (deflateInit2(&c->z, d->agreed.level, Z_DEFLATED, -window, level,
                   Z_DEFAULT_STRATEGY) == Z_OK)
    d->deflater = c;
  else context_free(c);
  return d->deflater != NULL;
}

static void close_deflater (struct wsm_deflate *d) {
  if (!d->deflater) return;
  deflateEnd(&d->deflater->z);
  context_free(d->deflater);
  d->deflater = NULL;
}

/* --- in --- */

/* The block doubles, but never beyond the limit. */
static bool enlarge (struct wsm_deflate *d) {
  struct wsm_buffer *b = &d->message;
  void *block;
  if (b->size <= d->limit / 2 || !b->data)
    return wsm_buffer_reserve(b, 1) != NULL;
  block = wsm_realloc(b->data, (size_t)d->limit);
  if (!block) return false;
  b->data = block;
  b->size = (size_t)d->limit;
  return true;
}

/* Room for inflated bytes; 0: no memory. Only asked below the limit. */
static size_t make_room (struct wsm_deflate *d) {
  const uint64_t left = d->limit - wsm_buffer_length(&d->message);
  size_t room = d->message.size - d->message.end;
  if (room == 0) {
    if (!enlarge(d)) return 0;
    room = d->message.size - d->message.end;
  }
  if (room > left) room = (size_t)left;
  return room < UINT_MAX ? room : UINT_MAX;
}

static enum wsm_inflated result_of (struct wsm_deflate *d, int code) {
  if (code != Z_BUF_ERROR) d->inflater->at = d->inflater->z.data_type;
  switch (code) {
    case Z_STREAM_END:
      if (d->zlib) return WSM_INFLATE_ENDED;
      d->final_block = true;
      return WSM_INFLATED;
    case Z_OK:
      return WSM_INFLATED;
    case Z_BUF_ERROR:
      return WSM_INFLATED;
    case Z_MEM_ERROR:
      return WSM_INFLATE_NO_MEMORY;
    default:
      return WSM_INFLATE_CORRUPT;
  }
}

/* At the limit: is there one more byte? */
static enum wsm_inflated probe (struct wsm_deflate *d) {
  z_stream *z = &d->inflater->z;
  unsigned char spare;
  enum wsm_inflated inflated;
  z->next_out = &spare;
  z->avail_out = 1;
  inflated = result_of(d, inflate(z, Z_SYNC_FLUSH));
  return z->avail_out ? inflated : WSM_INFLATE_TOO_BIG;
}

static enum wsm_inflated inflate_some (struct wsm_deflate *d) {
  z_stream *z = &d->inflater->z;
  enum wsm_inflated inflated;
  size_t room;
  /* RFC 7692 7.2.3.4: after BFINAL a new stream, but the same window */
  if (d->final_block) inflateResetKeep(z);
  d->final_block = false;
  if (wsm_buffer_length(&d->message) >= d->limit) return probe(d);
  room = make_room(d);
  if (room == 0) return WSM_INFLATE_NO_MEMORY;
  z->next_out = d->message.data + d->message.end;
  z->avail_out = (unsigned)room;
  inflated = result_of(d, inflate(z, Z_SYNC_FLUSH));
  wsm_buffer_commit(&d->message, room - z->avail_out);
  return inflated;
}

/* Until all input is used and zlib holds back no output. */
static enum wsm_inflated inflate_all (struct wsm_deflate *d,
                                      const unsigned char *bytes, unsigned n) {
  z_stream *z = &d->inflater->z;
  enum wsm_inflated inflated = WSM_INFLATED;
  z->next_in = bytes;
  z->avail_in = n;
  do inflated = inflate_some(d);
  while (inflated == WSM_INFLATED &&
         (z->avail_in || (z->avail_out == 0 && !d->final_block)));
  return inflated;
}

enum wsm_inflated wsm_deflate_inflate (struct wsm_deflate *d,
                                       const unsigned char *bytes, size_t n) {
  enum wsm_inflated inflated = WSM_INFLATED;
  if (n == 0) return WSM_INFLATED;
  if (!open_inflater(d)) return WSM_INFLATE_NO_MEMORY;
  d->has_input = true;
  while (n > 0 && inflated == WSM_INFLATED) {
    const unsigned piece = n < UINT_MAX ? (unsigned)n : UINT_MAX;
    inflated = inflate_all(d, bytes, piece);
    bytes += piece;
    n -= piece;
  }
  return inflated;
}

bool wsm_deflate_is_between_blocks (const struct wsm_deflate *d) {
  const int at = d->inflater ? d->inflater->at : 0;
  return (at & AT_BLOCK) && !(at & BITS_LEFT);
}

/* A message that ends with a final block, or is empty, is complete. */
enum wsm_inflated wsm_deflate_finish (struct wsm_deflate *d) {
  static const unsigned char tail[TAIL] = { 0x00, 0x00, 0xff, 0xff };
  enum wsm_inflated inflated = WSM_INFLATED;
  if (d->has_input && !d->final_block) {
    inflated = inflate_all(d, tail, sizeof tail);
    if (inflated == WSM_INFLATED && !d->final_block &&
        !wsm_deflate_is_between_blocks(d))
      inflated = WSM_INFLATE_CORRUPT;
  }
  d->has_input = false;
  if (!d->agreed.peer_takeover) close_inflater(d);
  return inflated;
}

void wsm_deflate_pop (struct wsm_deflate *d) {
  wsm_buffer_clear(&d->message);
}

/* --- out --- */

/* Until zlib has used the input and, if it flushes, written all. */
static bool deflate_some (z_stream *z, struct wsm_buffer *to, int flush) {
  do {
    unsigned char *at = wsm_buffer_reserve(to, CHUNK);
    const size_t size = to->size - to->end;
    const unsigned room = size < UINT_MAX ? (unsigned)size : UINT_MAX;
    if (!at) return false;
    z->next_out = at;
    z->avail_out = room;
    deflate(z, flush);
    wsm_buffer_commit(to, room - z->avail_out);
  } while (z->avail_out == 0);
  return true;
}

static bool deflate_all (z_stream *z, struct wsm_buffer *to,
                         const unsigned char *bytes, size_t n) {
  do {
    const unsigned piece = n < UINT_MAX ? (unsigned)n : UINT_MAX;
    z->next_in = bytes;
    z->avail_in = piece;
    bytes += piece;
    n -= piece;
    if (!deflate_some(z, to, n ? Z_NO_FLUSH : Z_SYNC_FLUSH)) return false;
  } while (n > 0);
  return true;
}

bool wsm_deflate_append (struct wsm_deflate *d, struct wsm_buffer *to,
                         const void *data, size_t n) {
  const size_t length = wsm_buffer_length(to);
  bool done;
  /* RFC 7692 7.2.3.6: zlib has nothing to flush for it */
  if (n == 0) return wsm_buffer_append(to, "", 1);
  if (!open_deflater(d)) return false;
  done = deflate_all(&d->deflater->z, to, data, n);
  if (done) to->end -= TAIL;
  else to->end = to->start + length;
  if (!done || !d->agreed.takeover) close_deflater(d);
  return done;
}

void wsm_deflate_clear (struct wsm_deflate *d) {
  close_inflater(d);
  close_deflater(d);
  wsm_buffer_clear(&d->message);
  wsm_buffer_clear(&d->encoded);
  d->sent = d->out_encoded = 0;
  d->has_input = false;
}
