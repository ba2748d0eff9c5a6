#include "base/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/hidden.h"

static uint64_t calls;
static int64_t blocks;
static long left = -1; /* calls that still succeed; negative: all */

/* Counts one call. false: it has to fail. */
static bool may_allocate (void) {
  long now = __atomic_load_n(&left, __ATOMIC_RELAXED);
  __atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
  if (now < 0) return true;
  if (now == 0) return false;
  __atomic_fetch_sub(&left, 1, __ATOMIC_RELAXED);
  return true;
}

static void *count_block (void *block) {
  if (block) __atomic_fetch_add(&blocks, 1, __ATOMIC_RELAXED);
  return block;
}

void *wsm_alloc (size_t size) {
  return may_allocate() ? count_block(malloc(size)) : NULL;
}

void *wsm_zalloc (size_t size) {
  return may_allocate() ? count_block(calloc(1, size)) : NULL;
}

void *wsm_realloc (void *block, size_t size) {
  if (!block) return wsm_alloc(size);
  return may_allocate() ? realloc(block, size) : NULL;
}

void wsm_free (void *block) {
  if (!block) return;
  __atomic_fetch_sub(&blocks, 1, __ATOMIC_RELAXED);
  free(block);
}

char *wsm_strdup (const char *text) {
  size_t size;
  char *copy;
  if (!text) return NULL;
  size = strlen(text) + 1;
  copy = wsm_alloc(size);
  return copy ? memcpy(copy, text, size) : NULL;
}

uint64_t wsm_memory_calls (void) {
  return __atomic_load_n(&calls, __ATOMIC_RELAXED);
}

int64_t wsm_memory_blocks (void) {
  return __atomic_load_n(&blocks, __ATOMIC_RELAXED);
}

void wsm_memory_fail (long after) {
  __atomic_store_n(&left, after, __ATOMIC_RELAXED);
}
