#include "base/ids.h"

#include <string.h>
#include "base/memory.h"
#include "base/hidden.h"

#define FIRST_SIZE 16 /* places of a new ring */

struct wsm_id_entry {
  uint64_t position; /* of its bytes, since the first id of all */
  uint32_t hash;
  uint8_t length;
};

/* FNV-1a. */
static uint32_t hash (const unsigned char *id, size_t n) {
  uint32_t h = 0x811C9DC5u;
  size_t i;
  for (i = 0; i < n; i++) h = (h ^ id[i]) * 0x01000193u;
  return h;
}

static struct wsm_id_entry *entry_at (const struct wsm_ids *ids, uint32_t i) {
  return &ids->entries[((uint64_t)ids->first + i) % ids->size];
}

bool wsm_ids_has (const struct wsm_ids *ids, const void *id, size_t n) {
  const uint32_t wanted = hash(id, n);
  uint32_t i;
  for (i = ids->count; i > 0; i--) { /* the newest first */
    const struct wsm_id_entry *e = entry_at(ids, i - 1);
    const unsigned char *bytes = wsm_buffer_bytes(&ids->bytes);
    if (e->hash == wanted && e->length == n &&
        memcmp(bytes + (e->position - ids->removed), id, n) == 0)
      return true;
  }
  return false;
}

static bool grow (struct wsm_ids *ids) {
  const uint32_t half = ids->limit / 2;
  uint32_t size = ids->size < half ? 2 * ids->size : ids->limit, i;
  struct wsm_id_entry *entries;
  if (ids->size == 0) size = FIRST_SIZE < ids->limit ? FIRST_SIZE : ids->limit;
  entries = wsm_alloc(size * sizeof *entries);
  if (!entries) return false;
  for (i = 0; i < ids->count; i++) entries[i] = *entry_at(ids, i);
  wsm_free(ids->entries);
  ids->entries = entries;
  ids->size = size;
  ids->first = 0;
  return true;
}

static void remove_oldest (struct wsm_ids *ids) {
  const size_t n = entry_at(ids, 0)->length;
  wsm_buffer_consume(&ids->bytes, n);
  ids->removed += n;
  ids->first = (ids->first + 1) % ids->size;
  ids->count--;
}

bool wsm_ids_add (struct wsm_ids *ids, const void *id, size_t n) {
  struct wsm_id_entry *e;
  if (ids->count == ids->size && ids->size < ids->limit && !grow(ids))
    return false;
  if (!wsm_buffer_append(&ids->bytes, id, n)) return false;
  if (ids->count == ids->size) remove_oldest(ids);
  e = entry_at(ids, ids->count++);
  e->position = ids->removed + wsm_buffer_length(&ids->bytes) - n;
  e->hash = hash(id, n);
  e->length = (uint8_t)n;
  return true;
}

void wsm_ids_clear (struct wsm_ids *ids) {
  wsm_free(ids->entries);
  wsm_buffer_clear(&ids->bytes);
  ids->entries = NULL;
  ids->size = ids->first = ids->count = 0;
  ids->removed = 0;
}
