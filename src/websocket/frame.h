/*
** frame.h - the header of one frame (RFC 6455 5.2)
** Depends on nothing. Parses and writes.
** Knows nothing of roles, messages or order: session.h does.
*/
#ifndef WSM_FRAME_H
#define WSM_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WSM_FRAME_HEADER 14   /* the longest header */
#define WSM_CONTROL_LIMIT 125 /* payload of a control frame, RFC 6455 5.5 */

enum wsm_opcode {
  WSM_CONTINUATION = 0x0,
  WSM_TEXT = 0x1,
  WSM_BINARY = 0x2,
  WSM_CLOSE = 0x8,
  WSM_PING = 0x9,
  WSM_PONG = 0xA
};

enum wsm_frame_bits {
  WSM_FIN = 0x80,
  WSM_RSV1 = 0x40, /* compressed, RFC 7692 6 */
  WSM_RSV2 = 0x20,
  WSM_RSV3 = 0x10
};

struct wsm_frame {
  uint64_t length; /* of the payload */
  uint8_t opcode;  /* 0 to 15, legal or not */
  uint8_t bits;    /* of enum wsm_frame_bits */
  bool masked;
  unsigned char key[4]; /* when masked */
};

/* Reads a header. Returns its length in bytes; 0: more bytes are needed;
** -1: a length that is not minimal, or with its top bit set (5.2). */
int wsm_frame_parse (struct wsm_frame *f, const unsigned char *bytes, size_t n);

/* Writes a header: first is FIN, RSV bits and opcode in one byte; key NULL
** for unmasked. Returns its length, 2 to WSM_FRAME_HEADER. */
size_t wsm_frame_write (unsigned char *to, unsigned first, uint64_t length,
                        const unsigned char *key);

/* The length wsm_frame_write would return. */
size_t wsm_frame_size (uint64_t length, bool masked);

static inline bool wsm_opcode_is_control (unsigned opcode) {
  return (opcode & 0x8) != 0;
}

#endif
