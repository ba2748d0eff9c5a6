#include "base/ids.h"

#include <string.h>
#include "base/memory.h"
#include "base/hidden.h"

#define FIRST_SIZE 16 /* places of a new ring */

struct wsm_id_entry {
  uint64_t position; /* of its bytes, since the first id of all */
  uint32_t
    older; /* the place, from 1, of the one before in its chain; 0: none */
  uint8_t length;
};

/* FNV-1a. */
static uint32_t hash (const unsigned char *id, size_t n) {
  uint32_t h = 0x811C9DC5u;
  size_t i;
  for (i = 0; i < n; i++) h = (h ^ id[i]) * 0x01000193u;
  return h;
}

/* The place, from 1, of the newest id with that hash. They are behind the entries. */
static uint32_t *chain_of (const struct wsm_ids *ids, const void *id,
                           size_t n) {
  uint32_t *chains = (void *)(ids->entries + ids->size);
  return &chains[hash(id, n) % ids->size];
}

static uint32_t place_of (const struct wsm_ids *ids, uint32_t i) {
  return (uint32_t)(((uint64_t)ids->first + i) % ids->size);
}

static const unsigned char *bytes_of (const struct wsm_ids *ids,
                                      const struct wsm_id_entry *e) {
  return wsm_buffer_bytes(&ids->bytes) + (e->position - ids->removed);
}

/* A chain goes from the newest to the oldest, and ends where the next one was removed:
** its place is empty, or that of a newer one. */
bool wsm_ids_has (const struct wsm_ids *ids, const void *id, size_t n) {
  uint64_t newer = UINT64_MAX;
  uint32_t place = ids->size > 0 ? *chain_of(ids, id, n) : 0;
  while (place > 0) {
    const struct wsm_id_entry *e = &ids->entries[place - 1];
    if (e->position >= newer || e->position < ids->removed) return false;
    if (e->length == n && memcmp(bytes_of(ids, e), id, n) == 0) return true;
    newer = e->position;
    place = e->older;
  }
  return false;
}

static void link_in (struct wsm_ids *ids, uint32_t place) {
  struct wsm_id_entry *e = &ids->entries[place];
  uint32_t *chain = chain_of(ids, bytes_of(ids, e), e->length);
  e->older = *chain;
  *chain = place + 1;
}

static bool grow (struct wsm_ids *ids) {
  const uint32_t half = ids->limit / 2;
  uint32_t size = ids->size < half ? 2 * ids->size : ids->limit, i;
  struct wsm_id_entry *entries;
  if (ids->size == 0) size = FIRST_SIZE < ids->limit ? FIRST_SIZE : ids->limit;
  entries = wsm_zalloc(size * (sizeof *entries + sizeof(uint32_t)));
  if (!entries) return false;
  for (i = 0; i < ids->count; i++) entries[i] = ids->entries[place_of(ids, i)];
  wsm_free(ids->entries);
  ids->entries = entries;
  ids->size = size;
  ids->first = 0;
  for (i = 0; i < ids->count; i++) link_in(ids, i);
  return true;
}

static void remove_oldest (struct wsm_ids *ids) {
  const size_t n = ids->entries[ids->first].length;
  wsm_buffer_consume(&ids->bytes, n);
  ids->removed += n;
  ids->first = place_of(ids, 1);
  ids->count--;
}

bool wsm_ids_add (struct wsm_ids *ids, const void *id, size_t n) {
  uint32_t place;
  if (ids->count == ids->size && ids->size < ids->limit && !grow(ids))
    return false;
  if (!wsm_buffer_append(&ids->bytes, id, n)) return false;
  if (ids->count == ids->size) remove_oldest(ids);
  place = place_of(ids, ids->count++);
  ids->entries[place].position = ids->removed + wsm_buffer_length(&ids->bytes) -
                                 n;
  ids->entries[place].length = (uint8_t)n;
  link_in(ids, place);
  return true;
}

void wsm_ids_clear (struct wsm_ids *ids) {
  wsm_free(ids->entries);
  wsm_buffer_clear(&ids->bytes);
  ids->entries = NULL;
  ids->size = ids->first = ids->count = 0;
  ids->removed = 0;
}
