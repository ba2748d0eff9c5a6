/*
** loop.h - an event loop: polling, timers, the clock
** Depends on reactor.h (libuv, libwebsockets), handle.h, clock.h and fork.h. A
** program turns it; another event loop polls its descriptor and turns it then.
** Never starts a thread (resolver.h does, for names), never calls Lua.
*/
#ifndef WSM_LOOP_H
#define WSM_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buffer.h"
#include "base/error.h"
#include "io/fork.h"
#include "io/handle.h"

struct wsm_loop;
struct uv_loop_s;
struct wsm_sockets;

/* NULL: e says why (the libuv plug-in of libwebsockets is missing ...). */
struct wsm_loop *wsm_loop_new (struct wsm_error *e);

/* What is still attached is told (on_loop_closed) and detached. */
void wsm_loop_free (struct wsm_loop *loop);

/* false: this is a forked child, and something was attached to the loop, which
** has forgotten its I/O (on_forked). The loop may be freed, and what is attached
** may be detached; nothing else. A loop to which nothing was attached goes on
** here, on a reactor of its own. Asked before each use from outside. */
bool wsm_loop_is_ours (struct wsm_loop *loop);

/* The same for what may be attached to a loop, before each use from outside: in a
** forked child it has forgotten its I/O afterwards. */
static inline void wsm_loop_check (struct wsm_handle *h) {
  if (h->loop && h->handles->forks != wsm_fork_count)
    (void)wsm_loop_is_ours(h->loop);
}

/* Flushes what is pending, waits at most wait_ms for I/O (0: does not wait,
** negative: until something happens), handles it, runs the timers, flushes again.
** Does not wait while a handle is ready. */
void wsm_loop_turn (struct wsm_loop *loop, int64_t wait_ms);

/* A descriptor that is readable when a turn has something to do, timers
** included; -1 where there is none (alarm.h). It is the reactor's, which is kept:
** whoever polls it ends that before the loop is freed. */
int wsm_loop_fd (struct wsm_loop *loop);

/* Milliseconds until a turn is due without any I/O; -1: none is. */
int64_t wsm_loop_timeout (struct wsm_loop *loop);

/* When what the loop's owner has to do is due; WSM_NEVER: it has nothing. For fd and
** timeout: a turn does not look at it. */
void wsm_loop_due (struct wsm_loop *loop, uint64_t at_ms);

/* libuv is to poll something more: the kernel is told in a turn, which is due at once. */
void wsm_loop_news (struct wsm_loop *loop);

/* The host's bell, in place of the descriptor for what is due at once; NULL: no more.
** Borrowed until then: the loop clears bell->handles when it is freed before. */
void wsm_loop_set_bell (struct wsm_loop *loop, struct wsm_bell *bell);

/* Was its descriptor asked for? */
bool wsm_loop_is_hosted (const struct wsm_loop *loop);

/* The time of day, in milliseconds since 1970, read now. */
int64_t wsm_loop_time_of_day (void);

/* Milliseconds of clock.h, as they were last read in the turn. */
uint64_t wsm_loop_now (const struct wsm_loop *loop);

/* The same, read now: for calls outside a turn. */
uint64_t wsm_loop_refresh (struct wsm_loop *loop);

/* A test's clock in place of clock.h, as long as the loop: a wait has an end as soon as
** nothing has come for some ms of the real time, and the clock then stands at it. */
struct wsm_test_clock;
void wsm_loop_set_clock (struct wsm_loop *loop, struct wsm_test_clock *clock);

/* While corked, what is sent waits for the next turn, to go in one write. */
void wsm_loop_cork (struct wsm_loop *loop, bool corked);
bool wsm_loop_is_corked (const struct wsm_loop *loop);

/* The loop's own; valid as long as it is. */
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

/* h was zeroed. false: no memory. */
bool wsm_loop_attach (struct wsm_loop *loop, struct wsm_handle *h,
                      const struct wsm_handle_calls *calls);

/* The first of all; then its next. */
struct wsm_handle *wsm_loop_handles (const struct wsm_loop *loop);

/* The id of the next ready handle, which is then no longer ready; 0: none. */
int64_t wsm_loop_ready (struct wsm_loop *loop);

/* System calls and turns so far, for specs and stats. */
struct wsm_loop_counters {
  uint64_t turns, polls, reads, writes;
};
struct wsm_loop_counters *wsm_loop_counters (struct wsm_loop *loop);

#endif
