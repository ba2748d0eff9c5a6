/*
** joined_headers.h - how the values of headers of one name are joined to one
** Depends on span.h.
** Never copies: who makes the text joins it.
*/
#ifndef WSM_JOINED_HEADERS_H
#define WSM_JOINED_HEADERS_H

#include "base/span.h"

/* What stands between them: ", " (RFC 9110 5.3). Cookies would be split at commas
** that are theirs: "; " for Cookie (RFC 6265 5.4), a line feed, which no value
** has, for Set-Cookie (RFC 6265 3). */
const char *wsm_joined_separator (struct wsm_span name);

#endif
