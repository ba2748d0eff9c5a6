/*
** model.h - the frames of a peer, read in the simplest way
** Depends on zlib and buffer.h; of session.h only the names of codes and roles.
** All bytes at once, no state machine: whatever pieces a session gets the same
** bytes in, it must read the same.
*/
#ifndef WSM_MODEL_H
#define WSM_MODEL_H

#include "base/buffer.h"
#include "websocket/deflate.h"
#include "websocket/session.h"

/* Texts one after the other: each a length, a mark and its bytes. */
struct texts {
  struct wsm_buffer bytes;
  size_t count;
};

struct text {
  const unsigned char *data;
  size_t length;
  unsigned mark; /* a message: the opcode */
};

void texts_add (struct texts *t, const struct text *text);

/* The one that begins at *at, which moves on; false: there is none. */
bool texts_take (const struct texts *t, size_t *at, struct text *text);

void texts_clear (struct texts *t);

struct model_rules {
  enum wsm_role role; /* of the reader */
  struct wsm_limits limits;
  const struct wsm_compression *agreed; /* NULL: none */
};

enum model_end { MODEL_OPEN, MODEL_CLOSED, MODEL_FAILED };

struct model {
  struct texts messages, pings, pongs;
  enum model_end end;
  unsigned code;  /* MODEL_CLOSED: theirs; MODEL_FAILED: ours */
  bool inflating; /* MODEL_FAILED inside of a compressed message: 1007 and
                      1009 are found in the order that the bytes come in */
  unsigned char reason[WSM_CONTROL_LIMIT];
  size_t reason_length;
};

/* Zero it before; model_clear it after. */
void model_read (struct model *m, const struct model_rules *rules,
                 const unsigned char *bytes, size_t n);
void model_clear (struct model *m);

/* Can these bytes be the start of UTF-8? *whole: they may end here. */
bool model_is_utf8 (const unsigned char *bytes, size_t n, bool *whole);

#endif
