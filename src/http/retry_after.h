/*
** retry_after.h - HTTP-date and Retry-After (RFC 9110 5.6.7, 10.2.3)
** Depends on span.h.
** Never reads a clock: the time of day is handed in.
*/
#ifndef WSM_RETRY_AFTER_H
#define WSM_RETRY_AFTER_H

#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"

/* "Sun, 06 Nov 1994 08:49:37 GMT" and the two obsolete forms, in seconds since
** 1970. A year of two digits is at most 50 years ahead of now_s. false: not a
** date. */
bool wsm_date_parse (struct wsm_span text, int64_t now_s, int64_t *date_s);

/* The seconds to wait by a Retry-After, at most limit_s; 0 for a date that has
** passed; -1: neither a number nor a date. */
int64_t wsm_retry_after (struct wsm_span value, int64_t now_s, int64_t limit_s);

#endif
