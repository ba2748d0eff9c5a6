/*
** bytes.h - a queue of bytes
** Depends on nothing. Its owner frees it.
*/
#ifndef SIMULATE_BYTES_H
#define SIMULATE_BYTES_H

#include <stddef.h>

/* Bytes that are appended and taken from the front. Zero it to start. */
struct bytes {
  unsigned char *data;
  size_t first, length, room;
};

void bytes_append (struct bytes *b, const void *from, size_t n);
void bytes_take (struct bytes *b, size_t n);
void bytes_free (struct bytes *b);

static inline unsigned char *bytes_at (const struct bytes *b) {
  return b->data ? b->data + b->first : NULL;
}

#endif
