/*
** transfer.h - bytes between a manager and the top of a stack of streams
** Depends on manager.h and stream.h. Reads go straight to where the manager's
** messages grow, in sizes that adapt; what the manager queued is written from
** where it stands.
** Never opens or closes a stream, never decides what a failure means.
*/
#ifndef WSM_TRANSFER_H
#define WSM_TRANSFER_H

#include "manager/manager.h"
#include "stream/stream.h"

struct wsm_handle;
struct wsm_loop;

/* Set the first four; zero the rest. */
struct wsm_transfer {
  struct wsm_manager *manager; /* borrowed for its life */
  struct wsm_loop *loop;       /* likewise */
  struct wsm_keys *keys;       /* likewise: mask_keys.h */
  struct wsm_handle *handle;   /* the link's */
  struct wsm_stream *stream;   /* owned by the link; NULL: none */
  uint8_t read_size_shift;     /* log4 of the size of a read, in 4 KiB */
  bool blocked;                /* the kernel takes no more: `writable` comes */
  bool finished;               /* our end was written */
  bool flushed_early;          /* a first part of this turn was written */
  bool several; /* more than one message was sent outside of that turn */
  uint32_t wrote_after; /* turns that were done when it wrote outside of one */
};

/* Draws mask keys for all that waits in the outbox and for what one read may
** cause: before the manager is told of anything. */
void wsm_transfer_refill_keys (struct wsm_transfer *t);

/* Writes what waits, as far as the kernel takes it, and after it the end, if the
** manager wants that. */
void wsm_transfer_write (struct wsm_transfer *t);

/* Writes n bytes that are not the manager's output, of which there is none: how
** many the kernel took. */
size_t wsm_transfer_write_past (struct wsm_transfer *t, const void *bytes,
                                size_t n);

/* Reads what there is and hands it to the manager. From inside `readable`. */
void wsm_transfer_read (struct wsm_transfer *t);

/* Writes what was queued at once; within a turn, at its end; and outside of the turns
** of a loop that a host polls, what follows the first write with the next turn. But a large amount
** has a first part written early, for the peer to work on meanwhile. True:
** something is left for the end of the turn. */
bool wsm_transfer_push (struct wsm_transfer *t);

#endif
