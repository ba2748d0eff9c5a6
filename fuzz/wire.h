/*
** wire.h - what a peer might send, made of a fuzzer's bytes
** Depends on input.h and zlib. A program of steps: messages in fragments,
** compressed or not, control frames between them, and bytes of any kind, so
** that a fuzzer that knows nothing of masks gets past the first frame.
** Never promises that what it makes is legal.
*/
#ifndef WSM_WIRE_H
#define WSM_WIRE_H

#include "base/buffer.h"
#include "input.h"
#include "websocket/deflate.h"
#include "websocket/session.h"

/* Appends frames as a peer of `reader` sends them; agreed may be NULL. */
void wire_write (struct wsm_buffer *to, struct input *in, enum wsm_role reader,
                 const struct wsm_compression *agreed);

/* Appends one frame: first is FIN, RSV bits and opcode. */
struct wire_frame {
  unsigned first;
  const unsigned char *payload;
  size_t length;
};
void wire_frame (struct wsm_buffer *to, const struct wire_frame *frame,
                 enum wsm_role reader);

/* Where the frame ends that the byte at `at` is in; frames stand from `start`
** on. The length of b: it is not whole. */
size_t wire_boundary (const struct wsm_buffer *b, size_t start, size_t at);

/* Appends what is left of the input; from 0xC0 on, a byte stands for one of
** the lines. */
struct wire_lines {
  const char *const *text;
  size_t count;
};
void wire_lines (struct wsm_buffer *to, struct input *in,
                 const struct wire_lines *lines);

#endif
