/*
** peer.h - the bytes of a peer, made from a fuzzer's input
** Depends on input.h and zlib. The input is read as steps: messages in fragments,
** compressed or not, control frames between them, and any bytes, so that a
** fuzzer that knows nothing of masks gets beyond the first frame. Not all of it
** is legal.
*/
#ifndef WSM_PEER_H
#define WSM_PEER_H

#include "base/buffer.h"
#include "input.h"
#include "websocket/deflate.h"
#include "websocket/session.h"

/* Appends frames as a peer of `reader` sends them; agreed may be NULL. */
void peer_write (struct wsm_buffer *to, struct input *in, enum wsm_role reader,
                 const struct wsm_compression *agreed);

/* Appends one frame: first is FIN, RSV bits and opcode. */
struct peer_frame {
  unsigned first;
  const unsigned char *payload;
  size_t length;
};
void peer_frame (struct wsm_buffer *to, const struct peer_frame *frame,
                 enum wsm_role reader);

/* The end of the frame that has the byte at `at`; the first frame is at `start`.
** The length of b if the frame is not whole. */
size_t peer_boundary (const struct wsm_buffer *b, size_t start, size_t at);

/* Appends the rest of the input; a byte from 0xC0 on is replaced by one of the
** lines. */
struct peer_lines {
  const char *const *text;
  size_t count;
};
void peer_lines (struct wsm_buffer *to, struct input *in,
                 const struct peer_lines *lines);

#endif
