#include "http/ip.h"

#include <string.h>
#include "base/ascii.h"
#include "base/hidden.h"

#define GROUPS 8 /* of an IPv6 address, two bytes each */

/* Takes a number in that base off s. Returns how many digits it has. */
static size_t take_number (struct wsm_span *s, int base, unsigned *value) {
  size_t n = 0;
  *value = 0;
  for (; n < s->length && n < 5; n++) {
    const int digit = wsm_hex_value(s->text[n]);
    if (digit < 0 || digit >= base) break;
    *value = *value * (unsigned)base + (unsigned)digit;
  }
  *s = wsm_span_skip(*s, n);
  return n;
}

/* --- RFC 3986 3.2.2, IPv4address --- */

static bool parse_v4 (unsigned char *to, struct wsm_span s) {
  int part;
  for (part = 0; part < 4; part++) {
    unsigned value;
    const bool zero = s.length > 0 && s.text[0] == '0';
    const size_t n = take_number(&s, 10, &value);
    if (n == 0 || n > 3 || (zero && n > 1) || value > 255) return false;
    to[part] = (unsigned char)value;
    if (part == 3) break;
    if (s.length == 0 || s.text[0] != '.') return false;
    s = wsm_span_skip(s, 1);
  }
  return s.length == 0;
}

/* --- RFC 4291 2.2 --- */

/* Takes groups of hexadecimal digits up to a "::" or the end, where an IPv4
** address counts as two. Returns how many; -1: malformed. */
static int take_groups (struct wsm_span *s, unsigned char *to) {
  int groups = 0;
  while (s->length > 0) {
    const struct wsm_span before = *s;
    unsigned value;
    const size_t n = take_number(s, 16, &value);
    if (n == 0 || n > 4 || groups == GROUPS) return -1;
    if (s->length > 0 && s->text[0] == '.') {
      if (groups > GROUPS - 2 || !parse_v4(to + groups * 2, before)) return -1;
      *s = wsm_span_skip(*s, s->length);
      return groups + 2;
    }
    to[groups * 2] = (unsigned char)(value >> 8);
    to[groups * 2 + 1] = (unsigned char)value;
    groups++;
    if (s->length == 0) break;
    if (s->text[0] != ':' || s->length == 1) return -1;
    if (s->text[1] == ':') break;
    *s = wsm_span_skip(*s, 1);
  }
  return groups;
}

/* Eight groups, or fewer around one "::". */
static bool parse_v6 (unsigned char *to, struct wsm_span s) {
  const bool starts = s.length >= 2 && memcmp(s.text, "::", 2) == 0;
  unsigned char tail[GROUPS * 2];
  const int before = starts ? 0 : take_groups(&s, to);
  int after;
  if (before < 0) return false;
  if (s.length == 0) return before == GROUPS;
  s = wsm_span_skip(s, 2);
  after = take_groups(&s, tail);
  if (after < 0 || s.length > 0 || before + after >= GROUPS) return false;
  memset(to + before * 2, 0, (size_t)(GROUPS - before) * 2);
  memcpy(to + (GROUPS - after) * 2, tail, (size_t)after * 2);
  return true;
}

bool wsm_ip_parse (struct wsm_ip *ip, struct wsm_span text) {
  const bool v6 = text.length > 0 && memchr(text.text, ':', text.length);
  ip->length = v6 ? 16 : 4;
  return v6 ? parse_v6(ip->bytes, text) : parse_v4(ip->bytes, text);
}

bool wsm_ip_matches (const struct wsm_ip *a, const struct wsm_ip *b,
                     size_t bits) {
  const size_t whole = bits / 8;
  const unsigned mask = 0xFFu << (8 - bits % 8) & 0xFFu;
  if (a->length != b->length || bits > a->length * 8) return false;
  if (memcmp(a->bytes, b->bytes, whole) != 0) return false;
  return mask == 0 || ((a->bytes[whole] ^ b->bytes[whole]) & mask) == 0;
}
