/*
** utf8.h - incremental validation of UTF-8 (RFC 3629)
** Depends on nothing. Fails at the first invalid byte: surrogates, overlong
** forms and code points over U+10FFFF are invalid.
** Never allocates.
*/
#ifndef WSM_UTF8_H
#define WSM_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The state between two pieces. Zero it to start. */
struct wsm_utf8 {
  uint8_t more;      /* continuation bytes still to come */
  uint8_t low, high; /* what the next one may be */
};

/* The next n bytes; false: invalid. */
bool wsm_utf8_feed (struct wsm_utf8 *u, const unsigned char *bytes, size_t n);

/* Is it at the end of a code point? */
bool wsm_utf8_whole (const struct wsm_utf8 *u);

/* Are all n bytes valid UTF-8 that ends with a code point? */
bool wsm_utf8_valid (const unsigned char *bytes, size_t n);

#endif
