/*
** zlib_stream.h - transport compression: one zlib stream (RFC 1950) a connection
** Depends on deflate.h. Binary messages are pieces of the stream. A message of the
** stream is complete where a piece ends with the 00 00 ff ff of a flush (zlib's
** Z_SYNC_FLUSH), as Discord's gateway has it.
** Never holds a zlib context before the first piece. Knows no frames.
*/
#ifndef WSM_ZLIB_STREAM_H
#define WSM_ZLIB_STREAM_H

#include "websocket/deflate.h"

struct wsm_zlib_stream {
  struct wsm_deflate inflate; /* its message: inflated since the last one */
  uint32_t last;              /* the last four bytes of the stream */
};

/* One that has read nothing, for messages of at most `limit` bytes; NULL without
** memory. */
struct wsm_zlib_stream *wsm_zlib_stream_new (struct wsm_pool *pool,
                                             uint64_t limit);
void wsm_zlib_stream_free (struct wsm_zlib_stream *z); /* may be NULL */

/* The next n bytes of the stream. WSM_INFLATED: all were read, and *whole says
** whether z->inflate.message is a message now. After anything else the stream is at
** its end. */
enum wsm_inflated wsm_zlib_stream_add (struct wsm_zlib_stream *z,
                                       const unsigned char *bytes, size_t n,
                                       bool *whole);

/* The message was taken. */
static inline void wsm_zlib_stream_pop (struct wsm_zlib_stream *z) {
  wsm_deflate_pop(&z->inflate);
}

#endif
