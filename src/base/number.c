#include "base/number.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/hidden.h"

#define EXACT 9007199254740992.0 /* 2^53: up to here a double holds integers */
#define SCALES 23                /* 10^22 is the last power that is exact */

static const double scales[SCALES] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,
                                       1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                       1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
                                       1e18, 1e19, 1e20, 1e21, 1e22 };

static bool is_digit (char c) {
  return c >= '0' && c <= '9';
}

/* --- writing --- */

size_t wsm_integer_write (char *out, int64_t value) {
  char digits[20];
  size_t n = 0, at = 0;
  uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  do digits[n++] = (char)('0' + rest % 10);
  while ((rest /= 10) > 0);
  if (value < 0) out[at++] = '-';
  while (n > 0) out[at++] = digits[--n];
  return at;
}

/* Is it an integer that an int64_t and a double hold both? */
static bool is_exact_integer (double value) {
  return value >= -EXACT && value <= EXACT && (double)(int64_t)value == value;
}

/* The locale's decimal point, of one byte or more, becomes a dot. */
static size_t set_dot (char *text) {
  size_t from = 0, to = 0;
  for (; text[from]; from++) {
    const char c = text[from];
    const bool kept = is_digit(c) || c == '-' || c == '+' || c == 'e';
    if (kept) text[to++] = c;
    else if (to > 0 && text[to - 1] != '.') text[to++] = '.';
  }
  return to;
}

size_t wsm_double_write (char *out, double value) {
  char text[WSM_NUMBER_SIZE];
  int digits = 15;
  size_t n;
  if (value == 0 && 1 / value < 0) return memcpy(out, "-0.0", 4), 4;
  if (is_exact_integer(value)) return wsm_integer_write(out, (int64_t)value);
  do snprintf(text, sizeof text, "%.*g", digits, value);
  while (strtod(text, NULL) != value && ++digits <= 17);
  n = set_dot(text);
  memcpy(out, text, n);
  return n;
}

bool wsm_double_has_14_digits (double value) {
  int i;
  if (value == 0) return 1 / value > 0;
  if (!(value > -1e14 && value < 1e14)) return false;
  for (i = 0; i < 15; i++) {
    const double scaled = value * scales[i];
    if (!(scaled > -1e14 && scaled < 1e14)) return false;
    if ((double)(int64_t)scaled == scaled) return scaled / scales[i] == value;
  }
  return false;
}

/* --- reading --- */

/* The integer's digits; false: it is larger than an int64_t. */
static bool to_integer (int64_t *out, const char *digits, size_t n,
                        bool minus) {
  const uint64_t limit = (uint64_t)INT64_MAX + minus;
  uint64_t value = 0;
  size_t i;
  if (n > 19) return false;
  for (i = 0; i < n; i++) value = value * 10 + (uint64_t)(digits[i] - '0');
  if (value > limit) return false;
  *out = minus ? (int64_t)(0 - value) : (int64_t)value;
  return true;
}

static size_t count_digits (const char *text, size_t n) {
  size_t i = 0;
  while (i < n && is_digit(text[i])) i++;
  return i;
}

/* Bytes of an exponent at the start of the text, or 0. */
static size_t exponent_length (const char *text, size_t n) {
  size_t sign, digits;
  if (n < 2 || (text[0] != 'e' && text[0] != 'E')) return 0;
  sign = text[1] == '+' || text[1] == '-';
  digits = count_digits(text + 1 + sign, n - 1 - sign);
  return digits > 0 ? 1 + sign + digits : 0;
}

/* Fewer than 16 digits and a small power of ten: one division of two numbers
** that a double holds, so it is rounded once, as it must be. */
static bool is_short (double *out, const char *text, size_t n) {
  const bool minus = text[0] == '-';
  int64_t value = 0;
  size_t i, fraction = 0;
  bool dot = false;
  if (n > 16) return false;
  for (i = minus; i < n; i++) {
    if (text[i] == '.') {
      dot = true;
    } else {
      value = value * 10 + (text[i] - '0');
      fraction += dot;
    }
  }
  *out = (double)value / scales[fraction];
  if (minus) *out = -*out;
  return true;
}

/* strtod wants the locale's decimal point, and reads no further than a text with
** another one. false: without memory. */
static bool to_double (double *out, const char *text, size_t n) {
  const char *dot = memchr(text, '.', n);
  const char *point = localeconv()->decimal_point;
  const size_t width = strlen(point), before = dot ? (size_t)(dot - text) : n;
  char small[128];
  char *copy = n + width < sizeof small ? small : wsm_alloc(n + width + 1);
  if (!copy) return false;
  memcpy(copy, text, before);
  if (dot) {
    memcpy(copy + before, point, width);
    memcpy(copy + before + width, dot + 1, n - before - 1);
    n += width - 1;
  }
  copy[n] = '\0';
  *out = strtod(copy, NULL);
  if (copy != small) wsm_free(copy);
  return true;
}

/* Reads what has a fraction, an exponent, or too many digits; its integer part
** ends at `at`. */
static bool read_real (struct wsm_number *out, const char *text, size_t n,
                       size_t at) {
  if (at < n && text[at] == '.') {
    const size_t digits = count_digits(text + at + 1, n - at - 1);
    if (digits == 0 && !is_digit(text[at > 0 ? at - 1 : 0])) return false;
    at += 1 + digits;
  }
  out->length = at + exponent_length(text + at, n - at);
  if (out->length == at && is_short(&out->real, text, at)) return true;
  return to_double(&out->real, text, out->length);
}

bool wsm_number_read (struct wsm_number *out, const char *text, size_t n) {
  const bool minus = n > 0 && text[0] == '-';
  const size_t count = count_digits(text + minus, n - minus);
  const size_t end = minus + count;
  const char next = end < n ? text[end] : '\0';
  if (count == 0 && !(minus && next == '.')) return false;
  if (count > 1 && text[minus] == '0') return false;
  out->length = end;
  out->is_integer = next != '.' && next != 'e' && next != 'E' &&
                    to_integer(&out->integer, text + minus, count, minus);
  return out->is_integer || read_real(out, text, n, end);
}
