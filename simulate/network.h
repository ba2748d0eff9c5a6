/*
** network.h - TCP, simulated: kernel buffers, acknowledgements, latency, loss
** Depends on bytes.h, schedule.h and random.h. Bytes are never lost or changed within a
** connection: what a dark path drops is sent again, later and later, as TCP does,
** until its sender gives up.
** Never knows what the bytes mean.
*/
#ifndef SIMULATE_NETWORK_H
#define SIMULATE_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "random.h"
#include "schedule.h"

#define NEVER UINT64_MAX

enum side { CLIENT, SERVER };

/* The way between one client's machine and the server's. [side]: of the packets
** that this side sends. */
struct path {
  struct schedule *schedule;
  struct random random;
  uint64_t latency_ms;            /* one way */
  uint64_t rate;                  /* bytes a second, each way */
  size_t send_room, receive_room; /* of the kernels' buffers */
  uint64_t dark_until_ms[2];      /* packets are dropped until then */
  struct tcp *all;
};

struct tcp;

/* What an end is told. While it does not look, nothing gets lost: tcp_read and
** tcp_end say the same later. */
struct tcp_calls {
  void (*connected)(void *owner);
  void (*refused)(void *owner);
  void (*readable)(void *owner); /* bytes came, or the end */
  void (*writable)(void *owner); /* after tcp_write took less than it got */
};

/* Who accepts connections. NULL: refused. */
struct listener {
  void *owner;
  const struct tcp_calls *calls;
  void *(*accept)(void *owner, struct tcp *t);
  bool (*is_off)(void *owner); /* no machine there: nothing answers */
};

enum tcp_end { TCP_LIVES, TCP_FINISHED, TCP_RESET, TCP_TIMED_OUT };

/* Frees its connections; their ends are not used any more. */
void path_free (struct path *path);

/* Begins to connect. */
struct tcp *tcp_connect (struct path *path, const struct listener *to,
                         const struct tcp_calls *calls, void *owner);

/* How many bytes the kernel took, or gave. */
size_t tcp_write (struct tcp *t, enum side side, const void *bytes, size_t n);
size_t tcp_read (struct tcp *t, enum side side, void *to, size_t n);

/* Has the connection ended, seen from here? FINISHED and RESET are seen behind
** the bytes that came before. */
enum tcp_end tcp_end (const struct tcp *t, enum side side);
/* Likewise, whatever was not yet read. */
enum tcp_end tcp_hung_up (const struct tcp *t, enum side side);

/* Bytes that tcp_read would give. */
size_t tcp_arrived (const struct tcp *t, enum side side);

/* Would tcp_read or tcp_end say something new? */
bool tcp_is_readable (const struct tcp *t, enum side side);

/* Nothing more is written. */
void tcp_finish (struct tcp *t, enum side side);

/* The end is no longer used by its owner: FIN behind what was written, or RST if
** something is unread. The connection is freed when both ends are closed and no
** packet is under way. */
void tcp_close (struct tcp *t, enum side side);

/* The machine of that side loses its power: nothing is sent. */
void tcp_vanish (struct tcp *t, enum side side);

/* This connection's packets of that side are dropped until then (a forgotten NAT
** entry), whatever the path does. */
void tcp_darken (struct tcp *t, enum side side, uint64_t until_ms);

/* Bytes of that side that the other's kernel acknowledged, ever; that were
** written, ever; and does the kernel take no more? */
uint64_t tcp_acknowledged (const struct tcp *t, enum side side);
uint64_t tcp_written (const struct tcp *t, enum side side);
bool tcp_is_full (const struct tcp *t, enum side side);

/* The bytes that side wrote and the other has not read. */
const unsigned char *tcp_unread (const struct tcp *t, enum side side,
                                 size_t *n);

/* A server's: NULL before it accepts. */
void *tcp_owner (const struct tcp *t, enum side side);
void tcp_set_owner (struct tcp *t, enum side side, void *owner);

/* When a packet was last missing, either way; now: one still is. 0: never. */
uint64_t tcp_impaired_ms (const struct tcp *t);

#endif
