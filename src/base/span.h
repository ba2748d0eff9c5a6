/*
** span.h - a piece of somebody else's text
** Depends on nothing. Case is that of ASCII letters, whatever the locale.
** Never terminated, never owned: valid as long as the text is.
*/
#ifndef WSM_SPAN_H
#define WSM_SPAN_H

#include <stdbool.h>
#include <stddef.h>

#define WSM_QUOTE_LIMIT 80 /* bytes of text in a quotation */
#define WSM_QUOTE_SIZE (WSM_QUOTE_LIMIT + 6)

struct wsm_span {
  const char *text;
  size_t length;
};

/* The span of a terminated text; empty for NULL. */
struct wsm_span wsm_span_of (const char *text);

/* The same text but for case? */
bool wsm_span_is (struct wsm_span s, const char *text);
bool wsm_span_equals_nocase (struct wsm_span a, struct wsm_span b);

/* The same text, byte for byte? */
bool wsm_span_equals (struct wsm_span a, struct wsm_span b);

/* Without the spaces and tabs around it. */
struct wsm_span wsm_span_trim (struct wsm_span s);

/* Without its first n bytes, of which it has as many. */
static inline struct wsm_span wsm_span_skip (struct wsm_span s, size_t n) {
  s.text += n;
  s.length -= n;
  return s;
}

/* Takes the first element off a list ("a, b"): without spaces around it, empty
** elements skipped (RFC 9110 5.6.1). false: there is none left. */
bool wsm_span_take (struct wsm_span *list, struct wsm_span *element);

/* Writes it in quotation marks for a person to read: control characters as
** '?', cut between characters of UTF-8 if it is long. Returns `to`. */
const char *wsm_span_quote (char to[WSM_QUOTE_SIZE], struct wsm_span s);

#endif
