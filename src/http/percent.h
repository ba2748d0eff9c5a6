/*
** percent.h - percent-encoding (RFC 3986 2.1)
** Depends on span.h.
** Never changes a '%' that two hexadecimal digits do not follow.
*/
#ifndef WSM_PERCENT_H
#define WSM_PERCENT_H

#include <stddef.h>
#include "base/span.h"

/* Decodes s into room bytes, of which s.length are always enough. Returns how
** many it took; -1: more than room. */
long wsm_percent_decode (unsigned char *to, size_t room, struct wsm_span s);

/* Decodes the first byte of s, which is not empty. Returns the characters it
** took: 1 or 3. */
size_t wsm_percent_decode_byte (unsigned char *byte, struct wsm_span s);

#endif
