/*
** session.h - a WebSocket after its opening handshake: messages in and out
** Depends on control.h (received control frames), output.h (frames to send) and
** compressed.h. Bytes from the peer go into `in`, bytes for the peer gather in
** `out`; messages are read one at a time, from the bytes they came in.
** Never touches a socket, a clock or a random source; never calls back.
**
** Frames are read in order and only when a message is asked for: a bad frame
** that follows three messages fails the session once the three were taken, so
** that an application can still respond to them. Pings are the exception:
** wsm_session_scan answers those that follow a message which nobody takes.
*/
#ifndef WSM_SESSION_H
#define WSM_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"
#include "base/utf8.h"
#include "websocket/close_code.h"
#include "websocket/frame.h"
#include "websocket/mask.h"
#include "websocket/message.h"

enum wsm_input {
  WSM_MORE,    /* no whole message yet: more bytes are needed */
  WSM_MESSAGE, /* a whole message: take it, then pop */
  WSM_ENDED    /* no message will come: closing, closed or failed */
};

/* Which halves of the closing handshake are done, as bits. Where there is no
** memory for a close frame, WSM_CLOSE_SENT is set though none will be sent. */
enum wsm_close_bits {
  WSM_CLOSE_SENT = 1,     /* our close frame is in `out`, or was written */
  WSM_CLOSE_RECEIVED = 2, /* the peer's was read */
  WSM_CLOSE_FAILED = 4    /* we closed because the peer broke a rule */
};

/* Bits of frame_bits beside those of the frame, of the message that is being read or
** was. */
enum wsm_message_bits {
  WSM_UNPACKED = 1, /* it was taken out of the zlib stream */
  WSM_PART = 2,     /* what was read of it is not all: more follows */
  WSM_REST = 4      /* its beginning was taken */
};

/* What is there of a message; all of it where messages are not read in parts. */
struct wsm_part {
  struct wsm_message message;
  uint8_t
    bits; /* WSM_PART, WSM_REST: of enum wsm_message_bits; and WSM_BROKEN */
};

/* Of a part without bytes of the message: the rest never came, and `message` is a
** sentence that says why. Only what a manager kept has it. */
#define WSM_BROKEN 8

struct wsm_pings;
struct wsm_deflate; /* permessage-deflate; NULL: not agreed on */
struct wsm_compression;
struct wsm_zlib_stream;

struct wsm_session {
  struct wsm_buffer in, out;
  const struct wsm_limits *limits;
  struct wsm_keys *keys;
  struct wsm_deflate *deflate;
  uint8_t role;         /* enum wsm_role */
  uint8_t closing;      /* enum wsm_close_bits */
  bool has_message;     /* a whole message was read and not popped */
  bool popped;          /* since the last look at what follows it */
  bool binary;          /* the message being read */
  bool fragmented;      /* a message began and has not ended */
  uint8_t frame_bits;   /* FIN of the frame, RSV1 of the message, and those of
                           enum wsm_message_bits */
  unsigned char key[4]; /* of the frame being read */
  uint8_t mask_offset;  /* index into key of the next payload byte */
  struct wsm_utf8 utf8;
  uint32_t fragments;
  uint64_t remaining;    /* payload bytes missing of the frame being read */
  size_t message_length; /* bytes of the message so far, at in.start */
  size_t parsed;         /* from in.start: the first byte not parsed */
  size_t scanned;        /* from in.start: where wsm_session_scan goes on */
  size_t sent;           /* from out.start: written to the socket */
  size_t disowned;       /* from out.start: what unsent leaves out */
  bool streams;          /* messages are read in parts: part.h */
  bool skips;            /* the owner: what is left of the message is dropped */
  uint64_t streamed;     /* WSM_REST: bytes of the message that were taken */
  bool inflates;         /* binary messages are pieces of a zlib stream ... */
  struct wsm_zlib_stream *zlib; /* ... this one; NULL: none came yet */
  bool pong_due; /* the last ping's pong waits for room in `out` */
  uint8_t pong_length;
  unsigned char *pong;       /* its payload: WSM_CONTROL_LIMIT bytes, or NULL */
  uint64_t pings, pongs;     /* received, for statistics */
  uint64_t queued;           /* messages sent, also those still in `out` */
  uint64_t ping_sent;        /* the number of our last ping */
  uint64_t pong_seen;        /* the highest number of ours in a pong */
  struct wsm_pings *awaited; /* whose pongs are; the owner's; NULL: none */
  bool close_pending;        /* a close frame follows messages not yet taken */
  uint8_t
    http_matched;      /* bytes of "HTTP/" where a frame was due and was none */
  uint16_t close_code; /* the peer's; WSM_CLOSE_FAILED: ours */
  uint8_t reason_length;
  char *reason;            /* of close_code; reason_length bytes */
  struct wsm_error *error; /* set with WSM_CLOSE_FAILED; the owner's */
};

/* What a session borrows for its life. */
struct wsm_session_setup {
  enum wsm_role role;
  const struct wsm_limits *limits;
  struct wsm_keys *keys;
  struct wsm_pool *pool; /* may be NULL */
  struct wsm_error *error;
  bool inflate; /* binary messages are pieces of one zlib stream, of texts */
};

void wsm_session_init (struct wsm_session *s,
                       const struct wsm_session_setup *setup);

/* Turns on permessage-deflate as agreed; before the first frame is sent or
** read. false: no memory. */
bool wsm_session_deflate (struct wsm_session *s,
                          const struct wsm_compression *agreed);

/* From here on messages are read in parts: wsm_session_next finds one as soon as some
** bytes of it are there. Those that were read of a message are its first. */
void wsm_session_stream (struct wsm_session *s,
                         const struct wsm_limits *limits);

/* Frees what it holds. It may be initialised again. */
void wsm_session_free (struct wsm_session *s);

/* --- receiving --- */

/* Room for n bytes from the peer; then commit what was really read. NULL
** without memory. */
static inline unsigned char *wsm_session_reserve (struct wsm_session *s,
                                                  size_t n) {
  return wsm_buffer_reserve(&s->in, n);
}
void wsm_session_commit (struct wsm_session *s, size_t n);

/* How many bytes to read where n is the usual read: n, or what is missing of a
** large frame, so that the next frame begins in an empty buffer. Never 0, and
** at most n and a half of it. */
size_t wsm_session_read_size (const struct wsm_session *s, size_t n);

/* The bytes of `in` that were not parsed. */
static inline struct wsm_span
wsm_session_unparsed (const struct wsm_session *s) {
  const size_t at = s->in.start + s->parsed;
  const struct wsm_span rest = { (const char *)s->in.data + at,
                                 s->in.end - at };
  return rest;
}

/* Reads up to the next whole message; the same one until it is popped.
** WSM_MESSAGE fills m (may be NULL); its bytes are the session's until pop or
** commit. Pings and the peer's close frame are answered into `out`. A violation
** of the RFC queues a close frame with the code that it names, sets *error and
** returns WSM_ENDED from then on; later bytes are discarded. */
enum wsm_input wsm_session_next (struct wsm_session *s, struct wsm_message *m);

/* The message was taken; does nothing where there is none. */
void wsm_session_pop (struct wsm_session *s);

/* What wsm_session_next found: of messages that are read in parts at most
** WSM_PART_SIZE bytes. pop_part takes it. */
void wsm_session_part (const struct wsm_session *s, struct wsm_part *part);
void wsm_session_pop_part (struct wsm_session *s, const struct wsm_part *part);

/* Is it amidst a message whose beginning was taken? After the last part that came. */
static inline bool wsm_session_is_amidst (const struct wsm_session *s) {
  return s->streams && s->fragmented && (s->frame_bits & WSM_REST);
}

/* Answers the pings and notes the pongs that follow a message not yet taken;
** wsm_session_next skips them. Each byte is looked at once. */
void wsm_session_scan (struct wsm_session *s);

/* May a message have more bytes than were read for it? */
static inline bool wsm_session_inflates (const struct wsm_session *s) {
  return s->deflate || s->inflates;
}

/* Bytes of `in`, the message's included, and of the inflated message; 0 while no
** whole message was read: what there is then needs more bytes. Of messages in parts
** there is another one in it, unless it is but part of a header or a control frame. */
size_t wsm_session_unread (const struct wsm_session *s);

/* --- sending: false without memory or mask keys --- */

/* Queues one message: WSM_TEXT or WSM_BINARY. false: nothing was queued. Text
** must be UTF-8 (the caller checks). Not after WSM_CLOSE_SENT. */
bool wsm_session_send (struct wsm_session *s, unsigned opcode, const void *data,
                       size_t n);

/* Queues a frame of wsm_session_write_frame (a server's broadcast). */
bool wsm_session_send_frame (struct wsm_session *s, const void *frame,
                             size_t n);

/* Appends one message as an unmasked frame. */
bool wsm_session_write_frame (struct wsm_buffer *to, unsigned opcode,
                              const void *data, size_t n);

/* Queues our ping number `number` (1, 2 ...); its pong sets pong_seen. As the
** next two: false after WSM_CLOSE_SENT, too. */
bool wsm_session_ping (struct wsm_session *s, uint64_t number);

/* Queues a ping with a payload of at most WSM_CONTROL_LIMIT bytes. */
bool wsm_session_ping_with (struct wsm_session *s, const void *payload,
                            size_t n);

/* Queues a pong; the session answers pings by itself. */
bool wsm_session_pong (struct wsm_session *s, const void *payload, size_t n);

/* Queues our close frame, an empty one for WSM_NO_STATUS; nothing after
** WSM_CLOSE_SENT. The caller checks code and reason. */
bool wsm_session_close (struct wsm_session *s, unsigned code,
                        const char *reason, size_t n);

/* The next bytes to write to the socket; NULL: none. */
const unsigned char *wsm_session_output (const struct wsm_session *s,
                                         size_t *n);

/* n of them were written. May queue the deferred pong. */
void wsm_session_sent (struct wsm_session *s, size_t n);

/* Bytes of `out` not yet written; with permessage-deflate, before they are
** compressed. */
static inline size_t wsm_session_pending (const struct wsm_session *s) {
  return s->out.end - s->out.start - s->sent;
}

/* How many messages of `out` were not wholly written. It looks at each. */
size_t wsm_session_count_unsent (const struct wsm_session *s);

/* --- the end --- */

/* What was sent so far is not given back by wsm_session_unsent. */
static inline void wsm_session_disown (struct wsm_session *s) {
  s->disowned = s->out.end - s->out.start;
}

/* The next message not wholly written: data messages only, in order, unmasked in
** place. First call with *at = 0; false when none is left. For a connection
** that is lost: afterwards the session can only be freed. */
bool wsm_session_unsent (struct wsm_session *s, size_t *at,
                         struct wsm_message *m);

#endif
