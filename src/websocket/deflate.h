/*
** deflate.h - one connection's compression: permessage-deflate's contexts
** Stands on zlib and buffer.h (RFC 7692 section 7.2). A peer's message is
** inflated as its bytes come, within a limit; one of ours is deflated whole.
** Never holds a zlib context before the first compressed message of its
** direction, nor after a message without context takeover: then its memory goes
** back to the pool, where the next one finds it. Knows no frames.
*/
#ifndef WSM_DEFLATE_H
#define WSM_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buffer.h"

/* What one side wants, or what both agreed on (extension.h). */
struct wsm_compression {
  uint8_t level;       /* of zlib: 0 to 9 */
  uint8_t window;      /* 8 to 15: bits of the window of what we send */
  uint8_t peer_window; /* likewise of what the peer sends */
  bool takeover;       /* our context goes on from message to message */
  bool peer_takeover;  /* the peer's does */
  uint32_t threshold;  /* a message with fewer bytes goes as it is */
};

struct wsm_context; /* of zlib, one direction's */

/* Zero it, but for agreed, limit and the buffers' pools, to start. */
struct wsm_deflate {
  struct wsm_compression agreed;
  uint64_t limit;            /* bytes of an inflated message */
  struct wsm_buffer message; /* inflated so far */
  struct wsm_buffer wire;    /* compressed.h: bytes for the kernel */
  size_t sent;               /* compressed.h: of them handed over */
  size_t packed;             /* compressed.h: what they are in `out` */
  struct wsm_context *inflater, *deflater;
  bool fed;   /* the message had a byte */
  bool ended; /* the last block had BFINAL */
};

enum wsm_inflated {
  WSM_INFLATED,
  WSM_INFLATE_CORRUPT, /* no such DEFLATE data (RFC 1951) */
  WSM_INFLATE_TOO_BIG, /* over the limit */
  WSM_INFLATE_NO_MEMORY
};

/* n more bytes of the peer's message: what they inflate to is appended to
** d->message, which never takes more than the limit and one block. */
enum wsm_inflated wsm_deflate_inflate (struct wsm_deflate *d,
                                       const unsigned char *bytes, size_t n);

/* The peer's message is complete: its last bytes come, and it has to end where
** a block ends. */
enum wsm_inflated wsm_deflate_finish (struct wsm_deflate *d);

/* The inflated message was taken. */
void wsm_deflate_pop (struct wsm_deflate *d);

/* Appends one message deflated, without the 00 00 ff ff at its end. false
** without memory: nothing is appended, and the next message refers to none
** before it. */
bool wsm_deflate_append (struct wsm_deflate *d, struct wsm_buffer *to,
                         const void *data, size_t n);

/* Frees all but d itself, which may be used again. */
void wsm_deflate_clear (struct wsm_deflate *d);

#endif
