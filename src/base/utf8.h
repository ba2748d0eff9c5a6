/*
** utf8.h - is it UTF-8? (RFC 3629), as the bytes stream by
** Stands on nothing. Fails at the first byte that no valid text can have
** there: surrogates, overlong forms and code points over U+10FFFF included.
** Never allocates.
*/
#ifndef WSM_UTF8_H
#define WSM_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a check stands between two pieces. Zero it to start. */
struct wsm_utf8 {
  uint8_t more;      /* continuation bytes still to come */
  uint8_t low, high; /* what the next one may be */
};

/* false at the first impossible byte. */
bool wsm_utf8_feed (struct wsm_utf8 *u, const unsigned char *bytes, size_t n);

/* Is it at the end of a code point? */
bool wsm_utf8_whole (const struct wsm_utf8 *u);

/* All n bytes at once, ending whole. */
bool wsm_utf8_valid (const unsigned char *bytes, size_t n);

#endif
