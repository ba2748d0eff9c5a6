#include "scanner.h"

#include <string.h>

/* Takes bytes of the head; how many they were. */
static size_t skip_head (struct scanner *s, const unsigned char *bytes,
                         size_t n) {
  static const char end[] = "\r\n\r\n";
  size_t i;
  for (i = 0; i < n && s->matched < 4; i++) {
    if (bytes[i] == (unsigned char)end[s->matched]) s->matched++;
    else s->matched = bytes[i] == '\r';
  }
  return i;
}

static size_t length_of_header (const unsigned char *header) {
  const unsigned length = header[1] & 0x7F;
  const size_t extended = length == 126 ? 2 : length == 127 ? 8 : 0;
  return 2 + extended + (header[1] & 0x80 ? 4 : 0);
}

static void begin_frame (struct scanner *s) {
  const unsigned char *h = s->header;
  const size_t mask = h[1] & 0x80 ? 4 : 0;
  size_t i;
  s->frame.opcode = h[0] & 15;
  s->frame.final = (h[0] & 0x80) != 0;
  s->frame.length = h[1] & 0x7F;
  if (s->frame.length > 125) s->frame.length = 0;
  for (i = 2; (h[1] & 0x7F) > 125 && i < s->need - mask; i++)
    s->frame.length = s->frame.length << 8 | h[i];
  memset(s->key, 0, sizeof s->key);
  memcpy(s->key, h + s->need - mask, mask);
  s->passed = 0;
}

static void end_frame (struct scanner *s) {
  s->call(s->owner, &s->frame);
  s->have = s->need = 0;
}

static size_t take_header (struct scanner *s, const unsigned char *bytes) {
  s->header[s->have++] = bytes[0];
  if (s->have == 2) s->need = length_of_header(s->header);
  if (s->have < 2 || s->have < s->need) return 1;
  begin_frame(s);
  if (s->frame.length == 0) end_frame(s);
  return 1;
}

static size_t take_payload (struct scanner *s, const unsigned char *bytes,
                            size_t n) {
  const uint64_t left = s->frame.length - s->passed;
  uint64_t i;
  if (n > left) n = (size_t)left;
  for (i = s->passed; i < SCANNED_START && i < s->passed + n; i++)
    s->frame.start[i] = (unsigned char)(bytes[i - s->passed] ^ s->key[i % 4]);
  s->passed += n;
  if (s->passed == s->frame.length) end_frame(s);
  return n;
}

void scanner_feed (struct scanner *s, const unsigned char *bytes, size_t n) {
  size_t taken = skip_head(s, bytes, n);
  for (bytes += taken, n -= taken; n > 0; bytes += taken, n -= taken)
    taken = s->have < 2 || s->have < s->need ? take_header(s, bytes)
                                             : take_payload(s, bytes, n);
}

bool scanned_is (const struct scanned *frame, const char *text) {
  return frame->length == strlen(text) &&
         memcmp(frame->start, text, strlen(text)) == 0;
}
