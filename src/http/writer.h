/*
** writer.h - writes HTTP heads piece by piece
** Depends on buffer.h and span.h. The texts were checked by the caller.
** Never leaves half a head behind when memory runs out.
*/
#ifndef WSM_WRITER_H
#define WSM_WRITER_H

#include "base/buffer.h"
#include "base/span.h"

/* Append; false without memory. */
bool wsm_write_text (struct wsm_buffer *to, const char *text); /* or NULL */
bool wsm_write_span (struct wsm_buffer *to, struct wsm_span s);

/* "name: value\r\n", or nothing for a value that is NULL or empty. */
bool wsm_write_header (struct wsm_buffer *to, const char *name,
                       const char *value);

/* Cuts the buffer back to length unless all was written. Returns written. */
bool wsm_write_commit_or_rollback (struct wsm_buffer *to, size_t length,
                                   bool written);

#endif
