/*
** journal.h - what happened to a connection, for its owner to take and write down
** Depends on buffer.h. A bounded queue of notes in the order in which they were
** made: decisions of the manager and its driver, and the frames of tap.h.
** Never grows beyond its limit: what finds no room is counted, and told as a note.
*/
#ifndef WSM_JOURNAL_H
#define WSM_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buffer.h"

/* The values a and b, and the text: its lines, where it has several. Times are in
** milliseconds. */
enum wsm_note_kind {
  WSM_NOTE_LOST,       /* a: notes that found no room */
  WSM_NOTE_CONNECTING, /* a: failures before; text: URL, proxy */
  WSM_NOTE_TCP,        /* text: address */
  WSM_NOTE_CONNECTED,  /* a: TLS was resumed; text: TLS version, cipher */
  WSM_NOTE_REDIRECT,   /* text: URL */
  WSM_NOTE_AGREED,     /* a: epoch; text: subprotocol, extensions */
  WSM_NOTE_LOGIN,      /* a login begins */
  WSM_NOTE_LOGGED_IN,
  WSM_NOTE_LOGIN_FAILED, /* text: why */
  WSM_NOTE_OPEN,         /* a: epoch, b: failures before */
  WSM_NOTE_HEARTBEAT,   /* a: enum wsm_note_heartbeat, b: how many ms the oldest
                             unanswered one is old; 0: there is none */
  WSM_NOTE_PONG,        /* a: round trip */
  WSM_NOTE_LATE,        /* a: so late was the tick */
  WSM_NOTE_PAUSED,      /* the inbox is full; a: bytes in it */
  WSM_NOTE_RESUMED,     /* a: so long it was */
  WSM_NOTE_FULL,        /* a send found no room; a: messages, b: bytes there;
                             text: why, or "" */
  WSM_NOTE_DROPPED,     /* a: messages, b: bytes, text: token */
  WSM_NOTE_UNCERTAIN,   /* a: messages, b: bytes */
  WSM_NOTE_HUNG_UP,     /* the peer has ended it behind a full inbox */
  WSM_NOTE_CLOSING,     /* by us; a: code, text: reason */
  WSM_NOTE_PEER_CLOSES, /* a: code, text: reason */
  WSM_NOTE_VIOLATION,   /* a: code, text: the rule that the peer broke */
  WSM_NOTE_RETRY_AFTER, /* a: delay, b: status */
  WSM_NOTE_END,         /* a: code, b: enum wsm_note_end; text: token, detail */
  WSM_NOTE_DEMOTED,     /* text: address */
  WSM_NOTE_WAITING,     /* a: delay, b: the attempt that follows */
  WSM_NOTE_LOCKED,      /* text: why */
  WSM_NOTE_EXHAUSTED,   /* text: why */
  WSM_NOTE_CLOSED,      /* messages, a: never sent, b: not confirmed */
  WSM_NOTE_HEAD_IN,     /* a: bytes; text: an HTTP head, cut */
  WSM_NOTE_HEAD_OUT,    /* likewise */
  WSM_NOTE_FRAME_IN,  /* a: enum wsm_note_frame, b: payload; text: its begin */
  WSM_NOTE_FRAME_OUT, /* likewise */
  WSM_NOTES           /* none: so many there are */
};

enum wsm_note_heartbeat {
  WSM_BEAT_PING,
  WSM_BEAT_MESSAGE,
  WSM_BEAT_ASKED,  /* the program is asked for its message */
  WSM_BEAT_WAITING /* the one before waits in the output still */
};

enum wsm_note_end {
  WSM_ENDED_CLEAN = 1,
  WSM_ENDED_SESSION = 2, /* it had reached the 101 */
  WSM_ENDED_OPEN = 4     /* it was open */
};

/* Bits above the frame's first byte. */
enum wsm_note_frame {
  WSM_FRAME_MASKED = 0x100,
  WSM_FRAME_INFLATED = 0x200, /* the text is inflated */
  WSM_FRAME_BROKEN = 0x400    /* no frame: its length is not minimal */
};

struct wsm_note {
  uint64_t at_ms;
  uint64_t a, b;
  uint32_t length; /* of the text */
  uint8_t kind;    /* enum wsm_note_kind */
};

struct wsm_tap;

/* Zero it, and set the limit, to start. */
struct wsm_journal {
  struct wsm_buffer notes;
  size_t limit;
  uint64_t lost;       /* since the last one that found room */
  uint64_t at_ms;      /* of the last note */
  struct wsm_tap *tap; /* owned by who owns this; NULL: no frames are noted */
};

/* Adds a note; at_ms 0, or before that of the one before: as late as that. */
void wsm_journal_add (struct wsm_journal *j, const struct wsm_note *note,
                      const void *text);

/* The oldest; its text is the journal's until pop. false: there is none. */
bool wsm_journal_first (struct wsm_journal *j, struct wsm_note *note,
                        const unsigned char **text);
void wsm_journal_pop (struct wsm_journal *j);

static inline bool wsm_journal_is_empty (const struct wsm_journal *j) {
  return j->notes.start == j->notes.end && j->lost == 0;
}

/* Forgets all notes. */
void wsm_journal_clear (struct wsm_journal *j);

#endif
