#include "websocket/frame.h"

#include <string.h>
#include "base/hidden.h"

#define LENGTH_16 126
#define LENGTH_64 127
#define MASKED 0x80

static uint64_t read_number (const unsigned char *bytes, size_t n) {
  uint64_t number = 0;
  size_t i;
  for (i = 0; i < n; i++) number = number << 8 | bytes[i];
  return number;
}

/* Bytes of the extended length that a length of 7 bits announces. */
static size_t extension (unsigned length) {
  if (length < LENGTH_16) return 0;
  return length == LENGTH_16 ? 2 : 8;
}

/* RFC 6455 5.2: the minimal number of bytes, and the top bit is 0 */
static bool is_minimal (uint64_t length, size_t bytes) {
  if (bytes == 2) return length >= LENGTH_16;
  return length > UINT16_MAX && length <= INT64_MAX;
}

int wsm_frame_parse (struct wsm_frame *f, const unsigned char *bytes,
                     size_t n) {
  size_t at = 2, extended;
  if (n < 2) return 0;
  f->opcode = bytes[0] & 0x0F;
  f->bits = bytes[0] & 0xF0;
  f->masked = (bytes[1] & MASKED) != 0;
  f->length = bytes[1] & 0x7F;
  extended = extension((unsigned)f->length);
  if (n < at + extended + (f->masked ? 4 : 0)) return 0;
  if (extended) {
    f->length = read_number(bytes + at, extended);
    if (!is_minimal(f->length, extended)) return -1;
    at += extended;
  }
  if (!f->masked) return (int)at;
  memcpy(f->key, bytes + at, sizeof f->key);
  return (int)(at + sizeof f->key);
}

size_t wsm_frame_write (unsigned char *to, unsigned first, uint64_t length,
                        const unsigned char *key) {
  const size_t size = wsm_frame_size(length, key != NULL);
  const size_t extended = size - 2 - (key ? 4 : 0);
  uint64_t low = length;
  size_t i;
  if (extended) low = extended == 2 ? LENGTH_16 : LENGTH_64;
  to[0] = (unsigned char)first;
  to[1] = (unsigned char)((key ? MASKED : 0) | low);
  for (i = 0; i < extended; i++)
    to[2 + i] = (unsigned char)(length >> (8 * (extended - 1 - i)));
  if (key) memcpy(to + 2 + extended, key, 4);
  return size;
}

size_t wsm_frame_size (uint64_t length, bool masked) {
  const size_t key = masked ? 4 : 0;
  if (length < LENGTH_16) return 2 + key;
  return (length <= UINT16_MAX ? 4 : 10) + key;
}
