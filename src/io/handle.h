/*
** handle.h - what lives on a loop: a timer, output to flush, a notification
** Depends on heap.h for the timers, and on alarm.h to wake a host's loop up. A
** connection or a server embeds one handle; the loop holds them all.
** Never does I/O.
*/
#ifndef WSM_HANDLE_H
#define WSM_HANDLE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/heap.h"

struct wsm_handle;
struct wsm_loop;
struct wsm_alarm;

struct wsm_handle_calls {
  /* its deadline has passed; NULL: it has none */
  void (*on_timer)(struct wsm_handle *h, uint64_t now_ms);
  /* it was marked pending: write; before_io: at the start of a turn */
  void (*on_flush)(struct wsm_handle *h, bool before_io);
  /* the loop is being freed; the handle is detached afterwards */
  void (*on_loop_closed)(struct wsm_handle *h);
  /* this is a forked child: its sockets, timers and lookups are the parent's,
     and closed already; forget them without a call to any */
  void (*on_forked)(struct wsm_handle *h);
  /* the machine was suspended and is awake, or its network came back; NULL: it
     never awaits that */
  void (*on_recovered)(struct wsm_handle *h);
};

/* Zero it, then wsm_loop_attach. */
struct wsm_handle {
  const struct wsm_handle_calls *calls;
  struct wsm_loop *loop; /* NULL: not attached */
  struct wsm_handles *handles;
  int64_t id; /* never used twice on one loop */
  struct wsm_timer timer;
  struct wsm_handle *next, *previous; /* all of the loop's */
  struct wsm_handle *next_ready, *previous_ready;
  struct wsm_handle *next_pending;
  bool ready, pending, awaits_recovery;
  bool patient;  /* pending, and not worth a turn of its own in a host's loop */
  bool forkable; /* in a forked child it is detached, and the loop goes on */
};

void wsm_handle_detach (struct wsm_handle *h);

/* Calls on_timer at that time, WSM_NEVER: never. coalesce: up to 15 ms later,
** together with others, if it is a second ahead or more. */
void wsm_handle_set_timer (struct wsm_handle *h, uint64_t deadline_ms,
                           bool coalesce);

void wsm_handle_notify (struct wsm_handle *h);       /* makes it ready */
void wsm_handle_mark_pending (struct wsm_handle *h); /* it has to write */

/* The same for what need not be at once: a host's loop turns for it within some
** milliseconds, with whatever comes first. */
void wsm_handle_mark_patient (struct wsm_handle *h);

/* Is on_recovered to be called? The network is watched only while somebody awaits
** it. */
void wsm_handle_set_awaiting (struct wsm_handle *h, bool awaits_recovery);

static inline void wsm_handle_await_recovery (struct wsm_handle *h,
                                              bool awaits_recovery) {
  if (h->awaits_recovery != awaits_recovery)
    wsm_handle_set_awaiting(h, awaits_recovery);
}

/* --- for the loop --- */

/* Of a host that can have a turn at once without a word to the kernel. */
struct wsm_bell {
  bool (*ring)(struct wsm_bell *bell); /* false: it cannot, now */
  struct wsm_handles *handles;         /* NULL: it is of no loop */
  unsigned times; /* it rang for each of so many turns in a row */
  bool rung;      /* its turn is to come */
};

/* Zero it. */
struct wsm_handles {
  uint64_t now_ms; /* the time, as it was last read */
  struct wsm_heap timers;
  struct wsm_handle *all;
  struct wsm_handle *first_ready, *last_ready;
  struct wsm_handle *pending, *flushing;
  uint64_t flush_ms;       /* for a host: when those pending are due */
  struct wsm_alarm *alarm; /* the reactor's; NULL: no host polls the loop */
  struct wsm_bell *bell;   /* the host's; NULL: it has none */
  int64_t last_id;
  size_t awaiting;      /* handles that await a recovery */
  unsigned forks;       /* wsm_fork_count of the process that it is for */
  bool turning, corked; /* the alarm is set when the turn ends, or the cork */
};

/* false: no memory. */
bool wsm_handles_add (struct wsm_handles *all, struct wsm_handle *h);

void wsm_handles_forked (struct wsm_handles *all); /* calls on_forked of each */
void wsm_handles_leave (
  struct wsm_handles *all); /* detaches the forkable ones */

/* Calls on_loop_closed of each, detaches them, and frees what it holds. */
void wsm_handles_close (struct wsm_handles *all);

void wsm_handles_recovered (struct wsm_handles *all); /* of those that await */

/* true: the bell has rung, or had; a turn comes. false: there is none, or the host's
** own events have waited for it long enough. */
bool wsm_handles_ring (struct wsm_handles *all);

/* What has rung is answered: a turn begins. */
void wsm_handles_rung (struct wsm_handles *all);

void wsm_handles_flush (struct wsm_handles *all, bool before_io);
void wsm_handles_run_timers (struct wsm_handles *all, uint64_t now_ms);

/* The earliest timer's; WSM_NEVER: there is none. */
uint64_t wsm_handles_deadline (const struct wsm_handles *all);

/* When those pending are to be flushed, at the latest; WSM_NEVER: there are none. */
uint64_t wsm_handles_flush_deadline (const struct wsm_handles *all);

/* Takes the first one off the ready list; NULL: it is empty. */
struct wsm_handle *wsm_handles_next_ready (struct wsm_handles *all);

#endif
