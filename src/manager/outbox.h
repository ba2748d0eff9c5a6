/*
** outbox.h - messages sent: into the output, or until a connection opens
** Depends on state.h, delivery.h and heartbeat.h. What its rules drop (an age, the
** oldest, what a lost connection had not sent) it tells: sending.h.
** Never changes the state.
*/
#ifndef WSM_OUTBOX_H
#define WSM_OUTBOX_H

#include "manager/state.h"

enum wsm_sent {
  WSM_SENT,        /* framed, in the output */
  WSM_SENT_LATER,  /* in the outbox */
  WSM_SEND_FULL,   /* output or outbox at its limit; or no memory; or volatile,
                     and it would have to wait */
  WSM_SEND_CLOSED, /* closed, exhausted, or not open and no outbox */
  WSM_SEND_TOOBIG  /* over limits.send */
};

/* While OPEN: into the output, or into the outbox behind what waits there. The
** bytes are copied, and the terms (NULL: none). */
enum wsm_sent wsm_outbox_send (struct wsm_manager *m,
                               const struct wsm_message *message,
                               const struct wsm_terms *terms, uint64_t now_ms);

/* What a message that was refused as full, just now, would wait for. */
enum wsm_full {
  WSM_FULL_OUTPUT,    /* the peer reads too slowly */
  WSM_FULL_OUTBOX,    /* for what is in the outbox, or its room */
  WSM_FULL_HELD,      /* the owner's first messages of this connection */
  WSM_FULL_RESENDING, /* what an earlier connection has sent */
  WSM_FULL_RATE,
  WSM_FULL_CONFIRMED, /* the peer is to confirm others */
  WSM_FULL_MEMORY
};

enum wsm_full wsm_outbox_full (const struct wsm_manager *m,
                               const struct wsm_message *message,
                               const struct wsm_terms *terms, uint64_t now_ms);

#define WSM_CAUSE_SIZE 96

/* The same in words; "" for OUTBOX. */
void wsm_outbox_explain (const struct wsm_manager *m, enum wsm_full why,
                         char to[WSM_CAUSE_SIZE]);

/* The owner's first messages of this connection were sent: now the outbox. */
void wsm_outbox_release (struct wsm_manager *m, uint64_t now_ms);

/* Into the output, whatever waits in the outbox, within the whole rate: SENT or
** FULL. */
enum wsm_sent wsm_outbox_send_urgent (struct wsm_manager *m,
                                      const struct wsm_message *message,
                                      uint64_t now_ms);

/* Into the outbox, if there is one. */
enum wsm_sent wsm_outbox_send_later (struct wsm_manager *m,
                                     const struct wsm_message *message,
                                     const struct wsm_terms *terms,
                                     uint64_t now_ms);

/* Frames what an earlier connection has sent and the peer has not confirmed, and
** then what is in the outbox, until limit bytes wait in the output. */
void wsm_outbox_flush (struct wsm_manager *m, size_t limit, uint64_t now_ms);

/* While OPEN, after output was written: fills it again from the outbox, and
** queues the drain event if one is due and half of the output is free. */
void wsm_outbox_refill (struct wsm_manager *m, uint64_t now_ms);

/* See wsm_manager_confirm. */
bool wsm_outbox_confirm (struct wsm_manager *m, const void *id, size_t n,
                         uint64_t now_ms);

/* When a message in the outbox may be too old (or WSM_NEVER), and then. */
uint64_t wsm_outbox_expires_at (const struct wsm_manager *m);
void wsm_outbox_expire (struct wsm_manager *m, uint64_t now_ms);

/* The same where no write will cause it: when (or WSM_NEVER), and then. */
uint64_t wsm_outbox_retry_at (const struct wsm_manager *m);
void wsm_outbox_retry (struct wsm_manager *m, uint64_t now_ms);

/* Moves messages that were not wholly written to the socket back to the
** outbox, before the others; heartbeats are left out. What finds no memory is
** counted in *lost; where there is no outbox, and what is volatile, is dropped. */
void wsm_outbox_keep_unsent (struct wsm_manager *m, size_t *lost,
                             uint64_t now_ms);

/* Does no message wait to be written, in the outbox or the output? */
bool wsm_outbox_is_flushed (const struct wsm_manager *m);

/* The kernel took bytes: queues FLUSHED if somebody waits for the last of them. */
void wsm_outbox_note_flushed (struct wsm_manager *m);

/* Bytes sent and not written to the socket: see wsm_manager_buffered. */
size_t wsm_outbox_buffered (const struct wsm_manager *m);

#endif
