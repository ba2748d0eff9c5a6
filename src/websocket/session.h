/*
** session.h - a WebSocket after its opening handshake: messages in and out
** Stands on frame.h, mask.h, utf8.h and buffer.h. Bytes from the peer go into
** `in`, bytes for the peer gather in `out`; messages are pulled one at a time,
** straight from the bytes they came in.
** Never touches a socket, a clock or a random source; never calls anybody.
**
** It works in the order of the wire and only when asked: a bad frame that comes
** after three messages is judged once the three were taken, so that an
** application can still answer them. Pings are the exception: glance() answers
** those that stand behind messages nobody takes.
*/
#ifndef WSM_SESSION_H
#define WSM_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buffer.h"
#include "base/error.h"
#include "base/utf8.h"
#include "websocket/close_code.h"
#include "websocket/frame.h"
#include "websocket/mask.h"
#include "websocket/message.h"

enum wsm_input {
  WSM_MORE,    /* nothing whole yet: feed it */
  WSM_MESSAGE, /* a message is held: take it, then pop */
  WSM_ENDED    /* no message will come: closing, closed or failed */
};

/* What happened to the two closing handshakes, as bits. Without memory an
** answer or a failure sets WSM_CLOSE_SENT too, though nothing is in `out`: no
** close frame will ever be. */
enum wsm_close_bits {
  WSM_CLOSE_SENT = 1,     /* our close frame is in `out` */
  WSM_CLOSE_RECEIVED = 2, /* theirs was read */
  WSM_CLOSE_FAILED = 4    /* we closed because the peer broke a rule */
};

struct wsm_deflate; /* permessage-deflate; NULL: not agreed on */
struct wsm_compression;

struct wsm_session {
  struct wsm_buffer in, out;
  const struct wsm_limits *limits;
  struct wsm_keys *keys;
  struct wsm_deflate *deflate;
  uint8_t role;         /* enum wsm_role */
  uint8_t closing;      /* enum wsm_close_bits */
  bool held;            /* `message` is whole and not popped */
  bool binary;          /* the message being read */
  bool fragmented;      /* a message began and has not ended */
  uint8_t frame_bits;   /* FIN of the frame, RSV1 of the message */
  unsigned char key[4]; /* of the frame being read */
  uint8_t phase;        /* of its mask */
  struct wsm_utf8 utf8;
  uint32_t fragments;
  uint64_t remaining; /* payload of the frame being read */
  size_t assembled;   /* bytes of the message so far, at in.start */
  size_t next;        /* from in.start: the first byte not judged */
  size_t glanced;     /* from in.start: where glance() goes on */
  size_t sent;        /* from out.start: handed to the kernel */
  bool pong_due;      /* the last ping waits for room in `out` */
  uint8_t pong_length;
  unsigned char *pong;   /* WSM_CONTROL_LIMIT bytes, when ever needed */
  uint64_t pings, pongs; /* received, for statistics */
  uint64_t ping_sent;    /* the number of our last ping */
  uint64_t pong_seen;    /* the number of our last ping that came back */
  bool close_waits;      /* glance() met a close behind unread messages */
  uint16_t close_code;   /* the peer's; WSM_CLOSE_FAILED: ours */
  uint8_t reason_length;
  char *reason;            /* of close_code; reason_length bytes */
  struct wsm_error *error; /* filled for WSM_CLOSE_FAILED; the owner's */
};

/* What a session borrows for its life. */
struct wsm_session_setup {
  enum wsm_role role;
  const struct wsm_limits *limits;
  struct wsm_keys *keys;
  struct wsm_pool *pool; /* may be NULL */
  struct wsm_error *error;
};

void wsm_session_init (struct wsm_session *s,
                       const struct wsm_session_setup *setup);

/* permessage-deflate was agreed on like this: to be called before the first
** frame is sent or read. false: no memory. */
bool wsm_session_deflate (struct wsm_session *s,
                          const struct wsm_compression *agreed);

/* Frees what it holds. It may be initialised again. */
void wsm_session_free (struct wsm_session *s);

/* --- bytes in --- */

/* Where n bytes read from the peer go; then commit what was really read.
** NULL without memory. */
unsigned char *wsm_session_reserve (struct wsm_session *s, size_t n);
void wsm_session_commit (struct wsm_session *s, size_t n);

/* How much a read of about n bytes best asks for: n, or what is missing of a
** large frame, so that the next one begins in an empty buffer. Never 0, and never
** more than n and a half of it. */
size_t wsm_session_room (const struct wsm_session *s, size_t n);

/* Goes on reading up to the next whole message; idempotent. WSM_MESSAGE fills m
** (may be NULL); its bytes are the session's until pop or commit. Answers pings and the peer's close, into `out`. On a broken
** rule it queues the close frame with the code the RFC names, fills *error
** and answers WSM_ENDED from then on; what comes after is thrown away. */
enum wsm_input wsm_session_next (struct wsm_session *s, struct wsm_message *m);

/* The held message was taken. Does nothing when none is held. */
void wsm_session_pop (struct wsm_session *s);

/* Answers the pings and notes the pongs that stand behind a held message; next
** passes over them. Looks only at bytes it has not looked at before. */
void wsm_session_scan (struct wsm_session *s);

/* Bytes of `in` that wait for pop, those of the held message included; 0 while
** none is held: what there is then is part of a message, and needs more. An
** inflated message counts with what it inflated to. */
size_t wsm_session_unread (const struct wsm_session *s);

/* --- bytes out --- */

/* Queues one message: WSM_TEXT or WSM_BINARY. false without memory or keys;
** then nothing was queued. Text must be UTF-8 (the caller checked). Not after
** WSM_CLOSE_SENT. */
bool wsm_session_send (struct wsm_session *s, unsigned opcode, const void *data,
                       size_t n);

/* Queues a frame made by wsm_session_frame (a server's broadcast). */
bool wsm_session_send_frame (struct wsm_session *s, const void *frame,
                             size_t n);

/* Appends to `to` the unmasked frame that carries one message. */
bool wsm_session_frame (struct wsm_buffer *to, unsigned opcode,
                        const void *data, size_t n);

/* Queues our ping number `number` (1, 2 ...); its pong sets pong_seen. As all
** that follow: false without memory or keys, and after WSM_CLOSE_SENT. */
bool wsm_session_ping (struct wsm_session *s, uint64_t number);

/* Queues a ping with a payload of the caller's, at most WSM_CONTROL_LIMIT. */
bool wsm_session_ping_with (struct wsm_session *s, const void *payload,
                            size_t n);

/* Queues a pong; the session answers pings by itself. */
bool wsm_session_pong (struct wsm_session *s, const void *payload, size_t n);

/* Queues our close frame; WSM_NO_STATUS sends an empty one. The caller checked
** code and reason. Does nothing after WSM_CLOSE_SENT. false: no memory. */
bool wsm_session_close (struct wsm_session *s, unsigned code,
                        const char *reason, size_t n);

/* Bytes for the peer not yet handed to the kernel. */
const unsigned char *wsm_session_output (const struct wsm_session *s,
                                         size_t *n);

/* n of them were handed to the kernel. May queue a pong that waited. */
void wsm_session_sent (struct wsm_session *s, size_t n);

/* How many bytes wsm_session_output would give; with permessage-deflate, as
** they are before they are compressed. */
static inline size_t wsm_session_pending (const struct wsm_session *s) {
  return s->out.end - s->out.start - s->sent;
}

/* --- the end --- */

/* A message that was not wholly handed to the kernel: data messages only, in
** order, unmasked in place. First call with *at = 0; false when none is left.
** For after the connection is lost; the session can only be freed after. */
bool wsm_session_unsent (struct wsm_session *s, size_t *at,
                         struct wsm_message *m);

#endif
