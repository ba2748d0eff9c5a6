/*
** date.h - the time of day as HTTP writes it (RFC 9110 5.6.7)
** Depends on nothing; retry_after.h parses such dates.
** Never reads a clock: the time is handed in.
*/
#ifndef WSM_DATE_H
#define WSM_DATE_H

#include <stdint.h>

#define WSM_DATE_SIZE 30 /* with its terminator */

/* "Sun, 06 Nov 1994 08:49:37 GMT" for seconds since 1970, until the year 9999. */
void wsm_date_write (char to[WSM_DATE_SIZE], int64_t date_s);

#endif
