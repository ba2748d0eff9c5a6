/*
** signal.h - a signal of the process, told to a loop
** Depends on libuv's uv_signal, loop.h and handle.h. Several may watch one signal, on
** one loop or on several, and each is told. When the last one is closed, what the
** signal did before is done again; a forked child has none of its parent's, and there
** the signals do at once what they did before.
** Never runs the program's code in a signal's handler.
*/
#ifndef WSM_SIGNAL_H
#define WSM_SIGNAL_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"

struct wsm_loop;
struct wsm_signal;

/* The number of "SIGTERM" ...; 0: there is none of that name that may be watched. */
int wsm_signal_number (const char *name);

/* Its handle is ready when the signal has come. once: the signal is told once, and
** from then on, before any turn of the loop, it does what it does by default: it ends
** the process. NULL: e says why. */
struct wsm_signal *wsm_signal_new (struct wsm_loop *loop, int number, bool once,
                                   struct wsm_error *e);

/* The handle's id, as wsm_loop_ready returns it. */
int64_t wsm_signal_id (const struct wsm_signal *s);

/* How often it has come since the last call. */
unsigned wsm_signal_take (struct wsm_signal *s);

/* rest: it does not watch the signal for now, which does what it did before. */
void wsm_signal_rest (struct wsm_signal *s, bool rest);

/* Also after its loop. */
void wsm_signal_close (struct wsm_signal *s);

/* Has the signal do what it does by default, to this process: it does not return,
** if that is to end it. */
void wsm_signal_obey (int number);

#endif
