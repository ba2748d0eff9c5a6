/*
** scanner.h - which frames were in the bytes of a connection that went by?
** Depends on nothing. It is fed what one side wrote, from its HTTP head on, in any
** pieces.
** Never keeps more than a frame's header and the first bytes of its payload.
*/
#ifndef SIMULATE_SCANNER_H
#define SIMULATE_SCANNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCANNED_START 16

/* A frame that went by, all of it. */
struct scanned {
  unsigned opcode;
  bool final;
  uint64_t length;
  unsigned char start[SCANNED_START]; /* of the payload, unmasked */
};

typedef void scanner_call (void *owner, const struct scanned *frame);

/* Zero it, and set the first two, to start. */
struct scanner {
  scanner_call *call;
  void *owner;
  unsigned matched; /* bytes of the empty line behind the head; 4: over */
  unsigned char header[14], key[4];
  size_t have, need; /* bytes of the header */
  uint64_t passed;   /* bytes of the payload */
  struct scanned frame;
};

void scanner_feed (struct scanner *s, const unsigned char *bytes, size_t n);

/* Is it a message with this text, of at most SCANNED_START bytes? */
bool scanned_is (const struct scanned *frame, const char *text);

#endif
