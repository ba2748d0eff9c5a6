/*
** header_lines.h - the "Name: value\r\n" lines that a program adds to a head
** Depends on head.h.
*/
#ifndef WSM_HEADER_LINES_H
#define WSM_HEADER_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include "base/error.h"
#include "base/span.h"

/* Are n bytes nothing but header lines that a program may set? false: e says
** why not; final. */
bool wsm_header_lines_check (const char *lines, size_t n, struct wsm_error *e);

/* Is it a name that only the handshake sets: Upgrade, Connection, those of the
** body's length, and all of Sec-WebSocket-? */
bool wsm_header_is_reserved (struct wsm_span name);

/* Is there a header of that name among lines, which may be NULL? */
bool wsm_header_lines_have (const char *lines, const char *name);

#endif
