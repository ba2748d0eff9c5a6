/*
** ids.h - the last ids that were seen, so many of them
** Depends on buffer.h and memory.h. A ring that grows with what it holds, with chains
** by hash through it; an id that is found was seen, byte for byte.
** Never grows beyond its limit: the oldest goes.
*/
#ifndef WSM_IDS_H
#define WSM_IDS_H

#include <stdint.h>
#include "base/buffer.h"

#define WSM_ID_LIMIT 128 /* bytes of an id */

struct wsm_id_entry;

/* Zero it, and set the limit, to start. */
struct wsm_ids {
  uint32_t limit;               /* so many, 1 or more */
  uint32_t size, first, count;  /* places of the ring, the oldest, how many */
  struct wsm_id_entry *entries; /* NULL: none yet */
  struct wsm_buffer bytes;      /* of the ids, the oldest first */
  uint64_t removed;             /* bytes that were before those */
};

/* Is the id, of 1 to WSM_ID_LIMIT bytes, among the last ones? */
bool wsm_ids_has (const struct wsm_ids *ids, const void *id, size_t n);

/* Adds it as the newest. false without memory: it is not noted. */
bool wsm_ids_add (struct wsm_ids *ids, const void *id, size_t n);

/* Forgets all, and frees what it holds. */
void wsm_ids_clear (struct wsm_ids *ids);

#endif
