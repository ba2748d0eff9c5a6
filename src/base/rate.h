/*
** rate.h - a sliding window: never more than so many in any so much time
** Depends on memory.h. It remembers when the last of them were, as many as the
** limit, in a ring that grows with them: a message sent, a connection attempt.
** Never reads a clock and never refuses: its owner asks when, waits, and notes.
*/
#ifndef WSM_RATE_H
#define WSM_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero it, and set the first two, to start. */
struct wsm_rate {
  uint32_t limit;       /* so many, 1 or more ... */
  uint32_t per_ms;      /* ... in this time */
  uint64_t *times;      /* a ring; NULL: none yet */
  uint32_t size;        /* places in the ring, at most limit */
  uint32_t first, used; /* the oldest, and how many there are */
};

/* From when on one more fits while `reserve` of the limit stay free (at most all
** but one): now, or a later time. Spaced so that whole milliseconds never put one
** too many into a window. */
uint64_t wsm_rate_next (const struct wsm_rate *r, uint32_t reserve,
                        uint64_t now_ms);

/* How many more fit now. */
uint32_t wsm_rate_room (const struct wsm_rate *r, uint64_t now_ms);

/* One was; now_ms never goes back. false without memory: it is not noted. */
bool wsm_rate_note (struct wsm_rate *r, uint64_t now_ms);

/* The last n were only now: they had waited in between. */
void wsm_rate_move (struct wsm_rate *r, uint32_t n, uint64_t now_ms);

/* The last n never were. */
void wsm_rate_undo (struct wsm_rate *r, uint32_t n);

/* The same times, for `to`, which was not used yet. false without memory. */
bool wsm_rate_copy (struct wsm_rate *to, const struct wsm_rate *from);

/* Forgets all, and frees the ring. */
void wsm_rate_clear (struct wsm_rate *r);

#endif
