#include "protocol/utf8.h"

#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

static inline bool is_tail (unsigned c) {
  return (c & 0xC0) == 0x80;
}

/* The second byte of a few leads has a narrower range: no overlong forms, no
** surrogates, nothing over U+10FFFF (RFC 3629 section 4). */
static bool begin (struct wsm_utf8 *u, unsigned c) {
  if (c < 0x80) return true;
  if (c < 0xC2 || c > 0xF4) return false;
  u->more = c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
  u->low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
  u->high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
  return true;
}

static bool step (struct wsm_utf8 *u, unsigned c) {
  if (!u->more) return begin(u, c);
  if (c < u->low || c > u->high) return false;
  u->more--;
  u->low = 0x80;
  u->high = 0xBF;
  return true;
}

/* The first byte from p on that is not ASCII; may stop short of it. */
static const unsigned char *skip_ascii (const unsigned char *p,
                                        const unsigned char *end) {
  uint64_t w[4];
  for (; end - p >= 32; p += 32) {
    memcpy(w, p, sizeof w);
    if ((w[0] | w[1] | w[2] | w[3]) & HIGH_BITS) break;
  }
  for (; end - p >= 8; p += 8) {
    memcpy(w, p, 8);
    if (w[0] & HIGH_BITS) break;
  }
  while (p < end && *p < 0x80) p++;
  return p;
}

/* Skips whole code points of two and three bytes whose lead allows every
** second byte: most of what is not ASCII. Stops at anything else. */
static const unsigned char *skip_plain (const unsigned char *p,
                                        const unsigned char *end) {
  while (end - p >= 3) {
    if (p[0] - 0xE1u < 12 || p[0] >= 0xEE) {
      if (p[0] > 0xEF || !is_tail(p[1]) || !is_tail(p[2])) break;
      p += 3;
    } else if (p[0] - 0xC2u < 30) {
      if (!is_tail(p[1])) break;
      p += 2;
    } else break;
  }
  return p;
}

bool wsm_utf8_feed (struct wsm_utf8 *u, const unsigned char *bytes, size_t n) {
  const unsigned char *p = bytes, *end = bytes + n;
  while (p < end) {
    if (!u->more) {
      p = *p < 0x80 ? skip_ascii(p, end) : skip_plain(p, end);
      if (p == end) break;
    }
    if (!step(u, *p++)) return false;
  }
  return true;
}

bool wsm_utf8_whole (const struct wsm_utf8 *u) {
  return u->more == 0;
}

bool wsm_utf8_valid (const unsigned char *bytes, size_t n) {
  struct wsm_utf8 u = { 0, 0, 0 };
  return wsm_utf8_feed(&u, bytes, n) && wsm_utf8_whole(&u);
}
