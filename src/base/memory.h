/*
** memory.h - the only calls of malloc
** Depends on malloc. Counts calls, so that a spec can prove that a path does not
** allocate, and fails on demand, so that a spec can prove that nothing is lost.
** Never aborts: it returns NULL and the caller reports it.
*/
#ifndef WSM_MEMORY_H
#define WSM_MEMORY_H

#include <stddef.h>
#include <stdint.h>

void *wsm_alloc (size_t size);                /* uninitialised; NULL: failed */
void *wsm_zalloc (size_t size);               /* zeroed */
void *wsm_realloc (void *block, size_t size); /* NULL: the old one stays */
void wsm_free (void *block);                  /* NULL is fine */
char *wsm_strdup (const char *text);          /* NULL in, NULL out */

/* Calls of alloc, zalloc, realloc and strdup in this process so far. */
uint64_t wsm_memory_calls (void);

/* Blocks of this process that are not freed. */
int64_t wsm_memory_blocks (void);

/* From the call after `calls` more, every allocation fails; negative: never.
** For specs only. */
void wsm_memory_fail (long calls);

#endif
