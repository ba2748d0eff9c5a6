#include "http/percent.h"

#include "base/ascii.h"
#include "base/hidden.h"

size_t wsm_percent_decode_byte (unsigned char *byte, struct wsm_span s) {
  const bool room = s.text[0] == '%' && s.length > 2;
  const int high = room ? wsm_hex_value(s.text[1]) : -1;
  const int low = room ? wsm_hex_value(s.text[2]) : -1;
  const bool escape = high >= 0 && low >= 0;
  *byte = (unsigned char)(escape ? high << 4 | low : s.text[0]);
  return escape ? 3 : 1;
}

long wsm_percent_decode (unsigned char *to, size_t room, struct wsm_span s) {
  size_t n = 0;
  while (s.length > 0) {
    unsigned char byte;
    const size_t taken = wsm_percent_decode_byte(&byte, s);
    if (n == room) return -1;
    to[n++] = byte;
    s = wsm_span_skip(s, taken);
  }
  return (long)n;
}
