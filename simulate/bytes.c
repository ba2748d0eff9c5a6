#include "bytes.h"

#include <stdlib.h>
#include <string.h>

void bytes_append (struct bytes *b, const void *from, size_t n) {
  if (n == 0) return;
  if (b->first + b->length + n > b->room) {
    if (b->length) memmove(b->data, b->data + b->first, b->length);
    b->first = 0;
    if (b->length + n > b->room) {
      b->room = (b->length + n) * 2;
      b->data = realloc(b->data, b->room);
      if (!b->data) exit(2);
    }
  }
  memcpy(b->data + b->first + b->length, from, n);
  b->length += n;
}

void bytes_take (struct bytes *b, size_t n) {
  b->first += n;
  b->length -= n;
  if (b->length == 0) b->first = 0;
}

void bytes_free (struct bytes *b) {
  free(b->data);
  memset(b, 0, sizeof *b);
}
