#include "base/utf8.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include "base/hidden.h"

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

/* The top bits of the eight bytes from 8 * i on. */
static inline uint64_t high (const unsigned char *p, size_t i) {
  uint64_t w;
  memcpy(&w, p + 8 * i, sizeof w);
  return w & HIGH_BITS;
}

/* Which of the eight bytes is the first with its top bit set? */
static inline int first (uint64_t bits) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  return __builtin_ctzll(bits) / 8;
#else
  return __builtin_clzll(bits) / 8;
#endif
}

/* Are the 64 bytes ASCII? */
static inline bool is_ascii_64 (const unsigned char *p) {
#ifdef __SSE2__
  const __m128i *v = (const void *)p;
  const __m128i a = _mm_or_si128(_mm_loadu_si128(v), _mm_loadu_si128(v + 1));
  const __m128i b =
    _mm_or_si128(_mm_loadu_si128(v + 2), _mm_loadu_si128(v + 3));
  return _mm_movemask_epi8(_mm_or_si128(a, b)) == 0;
#else
  return !(high(p, 0) | high(p, 1) | high(p, 2) | high(p, 3) | high(p, 4) |
           high(p, 5) | high(p, 6) | high(p, 7));
#endif
}

/* Are the 16 bytes ASCII? */
static inline bool is_ascii_16 (const unsigned char *p) {
#ifdef __SSE2__
  return _mm_movemask_epi8(_mm_loadu_si128((const void *)p)) == 0;
#else
  return !(high(p, 0) | high(p, 1));
#endif
}

/* The first byte from p on that is not ASCII. Most runs are a word, or long. */
static const unsigned char *skip_ascii (const unsigned char *p,
                                        const unsigned char *end) {
  if (end - p >= 64 && !high(p, 0))
    while (end - p >= 64 && is_ascii_64(p)) p += 64;
  while (end - p >= 16 && is_ascii_16(p)) p += 16;
  for (; end - p >= 8; p += 8) {
    const uint64_t bits = high(p, 0);
    if (bits) return p + first(bits);
  }
  while (p < end && *p < 0x80) p++;
  return p;
}

/* U+10000 to U+FFFFF? */
static inline bool is_four (const unsigned char *p) {
  return p[0] - 0xF0u < 4 && is_tail(p[1]) && is_tail(p[2]) && is_tail(p[3]) &&
         (p[0] > 0xF0 || p[1] >= 0x90);
}

/* Skips whole code points of two and three bytes whose lead allows every
** second byte, and most of those of four: most of what is not ASCII. Stops at
** anything else. */
static const unsigned char *skip_plain (const unsigned char *p,
                                        const unsigned char *end) {
  while (end - p >= 3) {
    if (p[0] - 0xE1u < 12 || (p[0] & 0xFE) == 0xEE) {
      if (!is_tail(p[1]) || !is_tail(p[2])) break;
      p += 3;
    } else if (p[0] - 0xC2u < 30) {
      if (!is_tail(p[1])) break;
      p += 2;
    } else if (end - p >= 4 && is_four(p)) {
      p += 4;
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
  const unsigned char *end = bytes + n, *p = skip_ascii(bytes, end);
  struct wsm_utf8 u = { 0, 0, 0 };
  if (p == end) return true;
  return wsm_utf8_feed(&u, p, (size_t)(end - p)) && wsm_utf8_whole(&u);
}
