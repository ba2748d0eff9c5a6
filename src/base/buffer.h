/*
** buffer.h - bytes that are appended at one end and consumed at the other
** Depends on memory.h. Blocks come from a pool and go back to it as soon as a
** buffer is empty, so an idle connection holds none and a busy one never calls
** malloc.
** Never copies more than once for a growth.
*/
#ifndef WSM_BUFFER_H
#define WSM_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define WSM_BLOCK_SIZE 4096       /* the smallest block */
#define WSM_POOL_LIMIT (8u << 20) /* spare bytes a pool keeps */

struct wsm_spare;

/* Spare blocks of one loop. Zero it to start; not shared between threads. */
struct wsm_pool {
  struct wsm_spare *spares;
  size_t bytes;
};

/* Holds data[start .. end). Zero, but for pool, to start; without a pool its
** blocks are those of memory.h. */
struct wsm_buffer {
  unsigned char *data;
  size_t start, end, size;
  struct wsm_pool *pool;
};

void wsm_pool_free (struct wsm_pool *pool);

/* Room for n bytes at the end, or NULL without memory (the buffer is as it was).
** Invalidates pointers into it. */
unsigned char *wsm_buffer_grow (struct wsm_buffer *b, size_t n);

/* Moves what is left of a large block (a sixteenth or less of 64 KiB or more) to
** a small one, so that a waiting connection holds little. Invalidates pointers
** into it. */
void wsm_buffer_trim (struct wsm_buffer *b);

/* Empties it: the block goes back to the pool. */
void wsm_buffer_clear (struct wsm_buffer *b);

static inline size_t wsm_buffer_length (const struct wsm_buffer *b) {
  return b->end - b->start;
}

static inline unsigned char *wsm_buffer_bytes (const struct wsm_buffer *b) {
  return b->data ? b->data + b->start : NULL;
}

/* As wsm_buffer_grow, without a call when the room is there. */
static inline unsigned char *wsm_buffer_reserve (struct wsm_buffer *b,
                                                 size_t n) {
  if (b->size - b->end >= n && b->data) return b->data + b->end;
  return wsm_buffer_grow(b, n);
}

/* n bytes were written to what wsm_buffer_reserve returned. */
static inline void wsm_buffer_commit (struct wsm_buffer *b, size_t n) {
  b->end += n;
}

static inline bool wsm_buffer_append (struct wsm_buffer *b, const void *bytes,
                                      size_t n) {
  unsigned char *at;
  if (n == 0) return true;
  at = wsm_buffer_reserve(b, n);
  if (!at) return false;
  memcpy(at, bytes, n);
  b->end += n;
  return true;
}

/* Removes the first n bytes; an empty buffer gives its block back. */
static inline void wsm_buffer_consume (struct wsm_buffer *b, size_t n) {
  b->start += n;
  if (b->start == b->end && b->data) wsm_buffer_clear(b);
}

#endif
