/*
** write.h - HTTP heads, written piece by piece
** Stands on buffer.h and head.h. Texts were checked by whoever hands them in.
** Never leaves half a head behind when memory runs out.
*/
#ifndef WSM_WRITE_H
#define WSM_WRITE_H

#include "common/buffer.h"
#include "protocol/head.h"

/* Append; false without memory. */
bool wsm_write_text (struct wsm_buffer *to, const char *text); /* or NULL */
bool wsm_write_span (struct wsm_buffer *to, struct wsm_span s);

/* "name: value\r\n", or nothing for a value that is NULL or empty. */
bool wsm_write_header (struct wsm_buffer *to, const char *name,
                       const char *value);

/* Cuts the buffer back to length unless all was written. Returns written. */
bool wsm_write_settle (struct wsm_buffer *to, size_t length, bool written);

/* Is there a header of that name among "Name: value\r\n" lines, or NULL? */
bool wsm_lines_name (const char *lines, const char *name);

#endif
