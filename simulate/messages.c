#include "messages.h"

#include <stdio.h>
#include <string.h>

#define ROOM 300000
#define HEAD 64

static unsigned char filler (const struct name *name) {
  return (unsigned char)('a' + (name->number * 7 + name->connection) % 26);
}

const char *message_write (const struct name *name, size_t extra, size_t *n) {
  static char text[ROOM];
  static const size_t sizes[] = { 0, 0, 0, 3, 40, 90, 200, 1500 };
  size_t length = sizes[(name->number * 2654435761u >> 16) % 8] + extra;
  int head;
  if (length > ROOM - HEAD) length = ROOM - HEAD;
  head = snprintf(text, HEAD, "%c %llu %llu %zu:", name->kind,
                  (unsigned long long)name->connection,
                  (unsigned long long)name->number, length);
  memset(text + head, filler(name), length);
  *n = (size_t)head + length;
  return text;
}

/* The decimal number at *at, which is advanced beyond it and `mark`. */
static bool read_number (const unsigned char **at, const unsigned char *end,
                         unsigned char mark, uint64_t *number) {
  const unsigned char *p = *at;
  *number = 0;
  for (; p < end && *p >= '0' && *p <= '9'; p++)
    *number = *number * 10 + (uint64_t)(*p - '0');
  if (p == *at || p == end || *p != mark) return false;
  *at = p + 1;
  return true;
}

/* The first byte, and each as the one before it. */
static bool is_filled (const unsigned char *at, size_t n, unsigned char byte) {
  return n == 0 || (at[0] == byte && memcmp(at, at + 1, n - 1) == 0);
}

bool message_read (const unsigned char *data, size_t n, struct name *name) {
  const unsigned char *at = data + 2, *const end = data + n;
  uint64_t length;
  if (n < 8 || data[1] != ' ') return false;
  name->kind = (char)data[0];
  if (!read_number(&at, end, ' ', &name->connection) ||
      !read_number(&at, end, ' ', &name->number) ||
      !read_number(&at, end, ':', &length) || length != (uint64_t)(end - at))
    return false;
  return is_filled(at, (size_t)length, filler(name));
}
