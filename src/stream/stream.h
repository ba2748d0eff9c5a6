/*
** stream.h - one layer of a connection: bytes in, bytes out, an end
** Depends on buffer.h and error.h. A connection is a stack of streams: a socket
** at the bottom, TLS and the handshake with a proxy above it, each as often as
** the way to the peer needs. Its owner knows the top one, each stream only the
** one below it.
** Never calls its owner from inside read, write, finish, pause or close.
*/
#ifndef WSM_STREAM_H
#define WSM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buffer.h"
#include "base/error.h"

struct wsm_stream;
struct wsm_tls;

/* Events, for the owner of a stream: the stream above it, or the link. It may
** close the stream inside any of these. */
struct wsm_stream_events {
  void (*opened)(void *owner);   /* its handshake is done: write may begin */
  void (*readable)(void *owner); /* read finds something */
  void (*writable)(void *owner); /* after a write or finish that was short */
  /* Nothing more comes; only close may follow. NULL: the peer ended it. e is
  ** lent for the call. */
  void (*lost)(void *owner, const struct wsm_error *e);
  /* The peer ended its side. true: write goes on, until finish; then comes `lost`.
  ** NULL: never. */
  bool (*half_closed)(void *owner);
};

/* What lies at the lowest stream's socket. */
struct wsm_stream_look {
  uint64_t written, acknowledged; /* by the peer's TCP, of what was written */
  uint64_t unread;                /* bytes that the kernel holds for us */
  bool readable;                  /* a read would find something, or the end */
  bool hung_up;                   /* the peer has ended or reset it */
};

/* What a kind of stream does. From pause on: NULL for all but the lowest. */
struct wsm_stream_class {
  void (*start)(struct wsm_stream *s);
  size_t (*read)(struct wsm_stream *s, struct wsm_buffer *to, size_t n);
  size_t (*write)(struct wsm_stream *s, const void *bytes, size_t n);
  bool (*finish)(struct wsm_stream *s);
  void (*destroy)(struct wsm_stream *s); /* all but what is below */
  const struct wsm_tls *(*tls)(struct wsm_stream *s); /* may be NULL */
  void (*pause)(struct wsm_stream *s, bool pause);
  void (*want_writable)(struct wsm_stream *s);
  void (*peer)(struct wsm_stream *s, char *to, size_t n);
  uint64_t (*received)(struct wsm_stream *s);
  void (*look)(struct wsm_stream *s, struct wsm_stream_look *look);
};

/* The first member of each kind. */
struct wsm_stream {
  const struct wsm_stream_class *class;
  struct wsm_stream *below; /* owned; NULL for a socket */
  const struct wsm_stream_events *events;
  void *owner; /* NULL: gets no events */
  int inside;  /* events of the stream below that are being handled */
  bool closed; /* inside one of them: freed at its end */
};

/* Owns s from now on. Then wsm_stream_start. */
void wsm_stream_set_owner (struct wsm_stream *s,
                           const struct wsm_stream_events *events, void *owner);

/* Begins the handshakes, from the lowest to the top; `opened` may come before
** this returns. */
static inline void wsm_stream_start (struct wsm_stream *s) {
  s->class->start(s);
}

/* Appends to `to` what there is, about n bytes or less, n > 0: how many. Only
** from inside `readable`. 0: none now, or no more at all: then `lost` comes. */
static inline size_t wsm_stream_read (struct wsm_stream *s,
                                      struct wsm_buffer *to, size_t n) {
  return s->class->read(s, to, n);
}

/* How many of n bytes the kernel took. Less than n: `writable` or `lost`
** comes; then the rest is offered again, the same bytes, perhaps with more
** behind them. */
static inline size_t wsm_stream_write (struct wsm_stream *s, const void *bytes,
                                       size_t n) {
  return s->class->write(s, bytes, n);
}

/* Ends our side, after the last byte was written: true when it has ended; false:
** `writable` comes, then call it again. Reading goes on. */
static inline bool wsm_stream_finish (struct wsm_stream *s) {
  return s->class->finish(s);
}

/* Stops (true) or resumes (false) `readable`. */
void wsm_stream_pause (struct wsm_stream *s, bool pause);

/* `writable` comes although nothing was short. */
void wsm_stream_want_writable (struct wsm_stream *s);

/* The address of the socket's peer as text, at most n bytes with terminator;
** empty: it is gone. */
void wsm_stream_peer (struct wsm_stream *s, char *to, size_t n);

/* Bytes that the lowest stream has read so far. */
uint64_t wsm_stream_received (struct wsm_stream *s);

/* Looks at the socket, without reading it. */
void wsm_stream_look_at (struct wsm_stream *s, struct wsm_stream_look *look);

/* The TLS connection of the stream s itself, which owns it; or NULL. */
const struct wsm_tls *wsm_stream_tls (struct wsm_stream *s);

/* Closes the connection and frees s and all below. The owner gets no
** more events. */
void wsm_stream_close (struct wsm_stream *s);

/* --- for the kinds of streams --- */

/* Puts s, zeroed but for what its kind set, over below (NULL: s is the lowest).
** Owns below from now on. */
void wsm_stream_init (struct wsm_stream *s,
                      const struct wsm_stream_class *class,
                      struct wsm_stream *below,
                      const struct wsm_stream_events *events);

/* Around the handling of an event: leave frees s if it was closed meanwhile. */
void wsm_stream_enter (struct wsm_stream *s);
void wsm_stream_leave (struct wsm_stream *s);

/* Tell the owner, if there still is one. Inside enter and leave. */
void wsm_stream_tell_opened (struct wsm_stream *s);
void wsm_stream_tell_readable (struct wsm_stream *s);
void wsm_stream_tell_writable (struct wsm_stream *s);
void wsm_stream_tell_lost (struct wsm_stream *s, const struct wsm_error *e);
bool wsm_stream_tell_half_closed (struct wsm_stream *s);

#endif
