/*
** memory.h - the one door to the allocator
** Stands on malloc. Counts calls, so that a spec can prove a path allocates
** nothing, and can be told to fail, so that a spec can prove nothing is lost.
** Never aborts: NULL comes back and the caller says so.
*/
#ifndef WSM_MEMORY_H
#define WSM_MEMORY_H

#include <stddef.h>
#include <stdint.h>

void *wsm_alloc (size_t size);                /* uninitialised; NULL: failed */
void *wsm_zalloc (size_t size);               /* zeroed */
void *wsm_realloc (void *block, size_t size); /* the old block lives on NULL */
void wsm_free (void *block);                  /* NULL is fine */
char *wsm_strdup (const char *text);          /* NULL in, NULL out */

/* Calls of alloc, zalloc, realloc and strdup in this process so far. */
uint64_t wsm_memory_calls (void);

/* Blocks alive now, in this process. */
int64_t wsm_memory_blocks (void);

/* From the call after `calls` more, every allocation fails; negative: never.
** For specs only. */
void wsm_memory_fail (long calls);

#endif
