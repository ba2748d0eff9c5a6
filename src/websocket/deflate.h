/*
** deflate.h - the zlib contexts of permessage-deflate (RFC 7692 7.2)
** Depends on zlib and buffer.h. A peer's message is inflated as its bytes
** arrive, within a limit; one of ours is deflated whole.
** Never holds a zlib context before the first compressed message of its
** direction, nor after a message without context takeover: then its memory goes
** back to the pool. Knows no frames.
*/
#ifndef WSM_DEFLATE_H
#define WSM_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buffer.h"

/* What one side wants, or both agreed on (extension.h). */
struct wsm_compression {
  uint8_t level;       /* of zlib: 0 to 9 */
  uint8_t window;      /* 8 to 15: bits of our window */
  uint8_t peer_window; /* of the peer's */
  bool takeover;       /* our context is kept between messages */
  bool peer_takeover;  /* the peer's is */
  uint32_t threshold;  /* shorter messages are not compressed */
};

struct wsm_context; /* zlib's, of one direction */

/* Zero it, but for agreed, limit and the buffers' pools, to start. */
struct wsm_deflate {
  struct wsm_compression agreed;
  uint64_t limit;            /* bytes of an inflated message */
  struct wsm_buffer message; /* inflated so far */
  struct wsm_buffer encoded; /* compressed.h: bytes for the socket */
  size_t sent;               /* compressed.h: of them written */
  size_t out_encoded;        /* compressed.h: bytes of `out` they stand for */
  struct wsm_context *inflater, *deflater;
  bool has_input;   /* the message had a byte */
  bool final_block; /* the last block had BFINAL */
  bool zlib; /* what is inflated is one zlib stream (RFC 1950): zlib_stream.h */
};

enum wsm_inflated {
  WSM_INFLATED,
  WSM_INFLATE_CORRUPT, /* not DEFLATE data (RFC 1951) */
  WSM_INFLATE_TOO_BIG, /* over the limit */
  WSM_INFLATE_NO_MEMORY,
  WSM_INFLATE_ENDED /* the zlib stream has ended */
};

/* Inflates n more bytes of the peer's message and appends to d->message, which
** never takes more than the limit and one block. */
enum wsm_inflated wsm_deflate_inflate (struct wsm_deflate *d,
                                       const unsigned char *bytes, size_t n);

/* Ends the peer's message, which must end where a block ends. */
enum wsm_inflated wsm_deflate_finish (struct wsm_deflate *d);

/* Has all that was inflated ended where a block does, at a byte's end? */
bool wsm_deflate_is_between_blocks (const struct wsm_deflate *d);

/* The inflated message was taken. */
void wsm_deflate_pop (struct wsm_deflate *d);

/* Appends one message deflated, without the 00 00 ff ff at its end. false
** without memory: nothing is appended, and the next message begins with an
** empty window. */
bool wsm_deflate_append (struct wsm_deflate *d, struct wsm_buffer *to,
                         const void *data, size_t n);

/* Frees all but d itself, which can be used again. */
void wsm_deflate_clear (struct wsm_deflate *d);

#endif
