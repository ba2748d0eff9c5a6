/*
** etag.h - entity tags (RFC 9110 8.8.3)
** Depends on span.h and on OpenSSL's SHA-1 (libcrypto).
** Never keeps a tag.
*/
#ifndef WSM_ETAG_H
#define WSM_ETAG_H

#include <stdbool.h>
#include <stddef.h>
#include "base/span.h"

#define WSM_ETAG_SIZE 43 /* with its quotes and the terminator */

/* A strong tag of these bytes: their SHA-1. */
void wsm_etag_write (char to[WSM_ETAG_SIZE], const void *bytes, size_t n);

/* Does an If-None-Match (RFC 9110 13.1.2) name the tag, or any ("*")? Compared
** weakly (8.8.3.2). A list that is malformed names none from there on. */
bool wsm_etag_matches (struct wsm_span list, struct wsm_span tag);

#endif
