#include <string.h>
#include "base/ascii.h"
#include "base/span.h"
#include "base/hidden.h"

struct wsm_span wsm_span_of (const char *text) {
  struct wsm_span s;
  s.text = text ? text : "";
  s.length = strlen(s.text);
  return s;
}

bool wsm_span_is (struct wsm_span s, const char *text) {
  size_t i;
  for (i = 0; i < s.length; i++)
    if (text[i] == '\0' || wsm_lower(s.text[i]) != wsm_lower(text[i]))
      return false;
  return text[i] == '\0';
}

bool wsm_span_equals_nocase (struct wsm_span a, struct wsm_span b) {
  size_t i;
  if (a.length != b.length) return false;
  for (i = 0; i < a.length; i++)
    if (wsm_lower(a.text[i]) != wsm_lower(b.text[i])) return false;
  return true;
}

bool wsm_span_equals (struct wsm_span a, struct wsm_span b) {
  if (a.length != b.length) return false;
  return a.length == 0 || memcmp(a.text, b.text, a.length) == 0;
}

static bool is_blank (char c) {
  return c == ' ' || c == '\t';
}

struct wsm_span wsm_span_trim (struct wsm_span s) {
  while (s.length > 0 && is_blank(s.text[0])) s.text++, s.length--;
  while (s.length > 0 && is_blank(s.text[s.length - 1])) s.length--;
  return s;
}

bool wsm_span_take (struct wsm_span *list, struct wsm_span *element) {
  while (list->length > 0) {
    const char *comma = memchr(list->text, ',', list->length);
    const size_t n = comma ? (size_t)(comma - list->text) : list->length;
    element->text = list->text;
    element->length = n;
    *element = wsm_span_trim(*element);
    list->text += comma ? n + 1 : n;
    list->length -= comma ? n + 1 : n;
    if (element->length > 0) return true;
  }
  return false;
}

/* How much of a long text is quoted. */
static size_t quoted_length (struct wsm_span s) {
  size_t n = WSM_QUOTE_LIMIT;
  if (s.length <= n) return s.length;
  while (n > 0 && ((unsigned char)s.text[n] & 0xC0) == 0x80) n--;
  return n;
}

const char *wsm_span_quote (char to[WSM_QUOTE_SIZE], struct wsm_span s) {
  const size_t n = quoted_length(s);
  char *at = to;
  size_t i;
  *at++ = '"';
  for (i = 0; i < n; i++) {
    const unsigned char c = (unsigned char)s.text[i];
    *at++ = c < 0x20 || c == 0x7F ? '?' : s.text[i];
  }
  memcpy(at, n < s.length ? "...\"" : "\"", n < s.length ? 5 : 2);
  return to;
}
