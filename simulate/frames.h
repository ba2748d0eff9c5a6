/*
** frames.h - RFC 6455 as the model server speaks it
** Depends on bytes.h and OpenSSL's SHA-1 and base64. Written for this simulation alone: it
** shares no line with the manager's frames and handshake.
** Never compresses.
*/
#ifndef SIMULATE_FRAMES_H
#define SIMULATE_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bytes.h"

enum opcode { MORE = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

struct frame {
  bool final;
  unsigned opcode;
  const unsigned char *payload; /* unmasked in place */
  size_t length;
};

/* The first frame of n bytes: its length with its header; 0: it is not whole;
** -1: no client may send it. It is unmasked in place: read it once. */
long frame_read (unsigned char *at, size_t n, struct frame *f);

/* Appends a server's frame. */
void frame_write (struct bytes *to, const struct frame *f);

/* A client's request: the length of its head; 0: it is not whole. path and key
** are copied, at most 63 bytes. */
struct handshake {
  char path[64], key[64];
};
size_t handshake_read (const unsigned char *at, size_t n, struct handshake *h);

/* Appends the 101. */
void handshake_write (struct bytes *to, const struct handshake *h);

#endif
