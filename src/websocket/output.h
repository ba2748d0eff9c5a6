/*
** output.h - the frames that wait for the kernel, one after the other
** Stands on frame.h and buffer.h. For session.h's outward half; the answer to
** an opening handshake may stand before the first frame.
** Never changes what it reads.
*/
#ifndef WSM_OUTPUT_H
#define WSM_OUTPUT_H

#include "base/buffer.h"
#include "websocket/frame.h"

/* Reads what stands at a boundary, `at` bytes from the start: its length, with
** the header. f->opcode tells a frame's kind; WSM_CONTINUATION: not a frame. */
size_t wsm_output_frame_length (const struct wsm_buffer *out, size_t at,
                                struct wsm_frame *f);

#endif
