#include "websocket/zlib_stream.h"

#include "base/memory.h"
#include "base/hidden.h"

#define WINDOW 15         /* bits: the most that a stream may ask for */
#define FLUSH 0x0000FFFFu /* how an empty stored block ends (RFC 1951 3.2.4) */

struct wsm_zlib_stream *wsm_zlib_stream_new (struct wsm_pool *pool,
                                             uint64_t limit) {
  struct wsm_zlib_stream *z = wsm_zalloc(sizeof *z);
  if (!z) return NULL;
  z->inflate.zlib = true;
  z->inflate.agreed.peer_window = WINDOW;
  z->inflate.agreed.peer_takeover = true;
  z->inflate.limit = limit;
  z->inflate.message.pool = pool;
  z->last = ~FLUSH;
  return z;
}

void wsm_zlib_stream_free (struct wsm_zlib_stream *z) {
  if (z) wsm_deflate_clear(&z->inflate);
  wsm_free(z);
}

enum wsm_inflated wsm_zlib_stream_add (struct wsm_zlib_stream *z,
                                       const unsigned char *bytes, size_t n,
                                       bool *whole) {
  const enum wsm_inflated inflated = wsm_deflate_inflate(&z->inflate, bytes, n);
  size_t i;
  for (i = n > 4 ? n - 4 : 0; i < n; i++) z->last = z->last << 8 | bytes[i];
  /* the same four bytes may be part of a block */
  *whole = n > 0 && inflated == WSM_INFLATED && z->last == FLUSH &&
           wsm_deflate_is_between_blocks(&z->inflate);
  return inflated;
}
