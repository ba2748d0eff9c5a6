#include "base/buffer.h"

#include "base/memory.h"

#include <stdint.h>
#include "base/hidden.h"

#define SEARCH_LIMIT 4 /* spare blocks looked at for a fit */
#define SIZE_LIMIT (SIZE_MAX / 4)
#define REALLOC_SIZE (1u << 20) /* from here on realloc remaps pages */
#define TRIM_SIZE (64u << 10)   /* a block this large ... */
#define TRIM_SHARE 16           /* ... is not kept for 1/16 of it */

/* At the start of the spare block itself. */
struct wsm_spare {
  struct wsm_spare *next;
  size_t size;
};

struct range {
  size_t min, max;
};

static void release (struct wsm_pool *pool, unsigned char *data, size_t size) {
  struct wsm_spare *spare = (void *)data;
  if (!pool || pool->bytes + size > WSM_POOL_LIMIT) {
    wsm_free(data);
    return;
  }
  spare->next = pool->spares;
  spare->size = size;
  pool->spares = spare;
  pool->bytes += size;
}

static struct wsm_spare *unlink_spare (struct wsm_pool *pool,
                                       struct wsm_spare **at) {
  struct wsm_spare *spare = *at;
  *at = spare->next;
  pool->bytes -= spare->size;
  return spare;
}

/* A spare block with a size in the range, or NULL. */
static struct wsm_spare *find (struct wsm_pool *pool, struct range want) {
  struct wsm_spare **at;
  int searched = 0;
  if (!pool) return NULL;
  for (at = &pool->spares; *at && searched < SEARCH_LIMIT;
       at = &(*at)->next, searched++)
    if ((*at)->size >= want.min && (*at)->size <= want.max)
      return unlink_spare(pool, at);
  return NULL;
}

/* Gives an empty buffer a block with a size in the range. Frees a spare block
** that is too small: a pool full of small ones would keep no large one. */
static bool acquire (struct wsm_buffer *b, struct range want) {
  struct wsm_pool *pool = b->pool;
  struct wsm_spare *spare = find(pool, want);
  if (spare) {
    b->size = spare->size;
    b->data = (void *)spare;
    return true;
  }
  if (pool && pool->spares && pool->spares->size < want.min)
    wsm_free(unlink_spare(pool, &pool->spares));
  b->data = wsm_alloc(want.min);
  b->size = b->data ? want.min : 0;
  return b->data != NULL;
}

/* Moves what b holds to the start of a new block. */
static bool move (struct wsm_buffer *b, struct range want) {
  struct wsm_buffer to = { NULL, 0, 0, 0, b->pool };
  if (!acquire(&to, want)) return false;
  to.end = wsm_buffer_length(b);
  memcpy(to.data, b->data + b->start, to.end);
  release(b->pool, b->data, b->size);
  *b = to;
  return true;
}

static bool resize (struct wsm_buffer *b, size_t size) {
  void *block = wsm_realloc(b->data, size);
  if (!block) return false;
  b->data = block;
  b->size = size;
  return true;
}

static void compact (struct wsm_buffer *b) {
  const size_t held = wsm_buffer_length(b);
  memmove(b->data, b->data + b->start, held);
  b->start = 0;
  b->end = held;
}

static size_t double_to (size_t size, size_t need) {
  if (size < WSM_BLOCK_SIZE) size = WSM_BLOCK_SIZE;
  while (size < need) size *= 2;
  return size;
}

unsigned char *wsm_buffer_grow (struct wsm_buffer *b, size_t n) {
  const size_t held = wsm_buffer_length(b);
  const size_t need = held + n;
  struct range want = { 0, SIZE_MAX };
  bool done = true;
  if (n > SIZE_LIMIT || need > SIZE_LIMIT) return NULL;
  want.min = double_to(b->size * 2, need);
  if (!b->data) done = acquire(b, want);
  else if (need <= b->size && held < b->size / 2) compact(b);
  else if (b->start == 0 && b->size >= REALLOC_SIZE) done = resize(b, want.min);
  else done = move(b, want);
  return done ? b->data + b->end : NULL;
}

void wsm_buffer_trim (struct wsm_buffer *b) {
  const size_t held = wsm_buffer_length(b);
  struct range want;
  if (b->size < TRIM_SIZE || held > b->size / TRIM_SHARE) return;
  want.min = double_to(WSM_BLOCK_SIZE, held);
  want.max = want.min * 4;
  move(b, want);
}

void wsm_buffer_clear (struct wsm_buffer *b) {
  if (b->data) release(b->pool, b->data, b->size);
  b->data = NULL;
  b->start = b->end = b->size = 0;
}

void wsm_pool_free (struct wsm_pool *pool) {
  while (pool->spares) wsm_free(unlink_spare(pool, &pool->spares));
}
