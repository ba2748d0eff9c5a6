/*
** tap.h - the bytes of a connection, both ways, read as heads and frames for a trace
** Depends on journal.h, frame.h and zlib. It is fed what was read and what was
** written, however it is cut, and notes each HTTP head and each frame: its header,
** and the begin of its payload, unmasked and inflated.
** Never changes, judges or keeps back a byte; a session knows nothing of it.
*/
#ifndef WSM_TAP_H
#define WSM_TAP_H

#include "observe/journal.h"

enum wsm_tap_direction { WSM_TAP_IN, WSM_TAP_OUT, WSM_TAP_SIDES };

#define WSM_TAP_HEAD 8192 /* bytes of a head that are noted */

struct wsm_tap_side;

struct wsm_tap {
  struct wsm_tap_side *sides[WSM_TAP_SIDES];
  uint32_t keep; /* bytes of a payload that are noted */
};

/* NULL without memory. It begins with the heads. */
struct wsm_tap *wsm_tap_new (uint32_t keep);
void wsm_tap_free (struct wsm_tap *t); /* NULL: nothing */

/* A new connection begins. */
void wsm_tap_restart (struct wsm_tap *t);

/* It begins in the middle of one that exchanges frames: `rest` bytes in that
** direction belong to what began before, and are not noted. */
void wsm_tap_skip (struct wsm_tap *t, enum wsm_tap_direction direction,
                   uint64_t rest);

struct wsm_tap_bytes {
  enum wsm_tap_direction direction;
  const unsigned char *bytes;
  size_t n;
  uint64_t now_ms;
};

/* Notes what they complete in the journal. */
void wsm_tap_feed (struct wsm_tap *t, struct wsm_journal *j,
                   const struct wsm_tap_bytes *fed);

#endif
