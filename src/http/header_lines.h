/*
** header_lines.h - HTTP heads, written piece by piece
** Stands on buffer.h and head.h. Texts were checked by whoever hands them in.
** Never leaves half a head behind when memory runs out.
*/
#ifndef WSM_HEADER_LINES_H
#define WSM_HEADER_LINES_H

#include "base/buffer.h"
#include "http/head.h"

/* Append; false without memory. */
bool wsm_write_text (struct wsm_buffer *to, const char *text); /* or NULL */
bool wsm_write_span (struct wsm_buffer *to, struct wsm_span s);

/* "name: value\r\n", or nothing for a value that is NULL or empty. */
bool wsm_write_header (struct wsm_buffer *to, const char *name,
                       const char *value);

/* Cuts the buffer back to length unless all was written. Returns written. */
bool wsm_write_settle (struct wsm_buffer *to, size_t length, bool written);

/* Is there a header of that name among "Name: value\r\n" lines, or NULL? */
bool wsm_header_lines_have (const char *lines, const char *name);

#endif
