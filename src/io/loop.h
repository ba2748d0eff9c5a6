/*
** loop.h - one thread's I/O: a private libuv loop, its clock and its lists
** Stands on libuv, heap.h and buffer.h. Whoever turns it says how long it may
** wait; whoever cannot turn it watches one descriptor.
** Never runs a thread of its own (names are resolved on libuv's) and never
** calls Lua.
*/
#ifndef WSM_LOOP_H
#define WSM_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buffer.h"
#include "base/error.h"
#include "io/handle.h"

struct wsm_loop;
struct uv_loop_s;
struct wsm_sockets;

/* NULL: e says why (the libuv plug-in of libwebsockets is missing ...). */
struct wsm_loop *wsm_loop_new (struct wsm_error *e);

/* Ends it and lets go of everything. What is still attached is detached
** (on_loop_closed). */
void wsm_loop_free (struct wsm_loop *loop);

/* One turn: writes what gathered, waits at most wait_ms (0: not at all;
** negative: until something happens), reads, rings what is due. Does not wait
** while somebody is ready. */
void wsm_loop_turn (struct wsm_loop *loop, int64_t wait_ms);

/* A descriptor that is readable when a turn has something to do, timers
** included; -1 where the system has no such thing. The loop's own. */
int wsm_loop_fd (struct wsm_loop *loop);

/* Milliseconds until a turn is due even if fd stays quiet; -1: none. */
int64_t wsm_loop_timeout (struct wsm_loop *loop);

/* The monotonic clock, read now; no loop is needed. */
double wsm_loop_clock_seconds (void);

/* Monotonic milliseconds, read at the start of the turn. */
uint64_t wsm_loop_now (const struct wsm_loop *loop);

/* Reads the clock anew (for calls from outside a turn). */
uint64_t wsm_loop_refresh (struct wsm_loop *loop);

/* While corked, what is sent waits for the next turn and goes in one write. */
void wsm_loop_cork (struct wsm_loop *loop, bool corked);
bool wsm_loop_is_corked (const struct wsm_loop *loop);

/* Parts that its users stand on. */
struct uv_loop_s *wsm_loop_uv (struct wsm_loop *loop);
struct wsm_pool *wsm_loop_pool (struct wsm_loop *loop);
struct wsm_sockets *wsm_loop_sockets (struct wsm_loop *loop);

/* An empty buffer for what is read and gone before the next read, WSM_SCRATCH_SIZE
** bytes large or still without a block; given back as soon as it was used. */
#define WSM_SCRATCH_SIZE (64u << 10)
struct wsm_buffer wsm_loop_take_scratch (struct wsm_loop *loop);
void wsm_loop_give_scratch (struct wsm_loop *loop, struct wsm_buffer *scratch);

/* One block for whoever uses the loop: zeroed when first asked for, always of the
** same size, freed with the loop. NULL without memory. */
void *wsm_loop_storage (struct wsm_loop *loop, size_t size);

/* --- handles: links and servers --- */

/* Embeds are zeroed first. false: no memory. */
bool wsm_loop_attach (struct wsm_loop *loop, struct wsm_handle *h,
                      const struct wsm_handle_calls *calls);

/* The id of the next ready handle, which is then no longer ready; 0: none. */
int64_t wsm_loop_ready (struct wsm_loop *loop);

/* System calls and turns so far, for specs and stats. */
struct wsm_loop_counters {
  uint64_t turns, reads, writes;
};
struct wsm_loop_counters *wsm_loop_count (struct wsm_loop *loop);

#endif
