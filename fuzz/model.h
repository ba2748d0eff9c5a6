/*
** model.h - a second reader of frames, to compare a session with
** Depends on zlib and buffer.h; of websocket/ only on codes, roles and limits. It
** reads all bytes at once, without a state machine: a session must read the same
** from the same bytes, however they are cut.
*/
#ifndef WSM_MODEL_H
#define WSM_MODEL_H

#include "base/buffer.h"
#include "websocket/deflate.h"
#include "websocket/session.h"

/* Texts, each as a length, a mark and its bytes. */
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

/* The text at *at, which is advanced; false: there is none. */
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
  unsigned code;  /* MODEL_CLOSED: the peer's; MODEL_FAILED: ours */
  bool inflating; /* MODEL_FAILED within a compressed message: 1007 or 1009,
                      whichever the cuts show first */
  unsigned char reason[WSM_CONTROL_LIMIT];
  size_t reason_length;
  bool answers; /* MODEL_FAILED by a close frame: an answer to ours, which
                           is never an error, would have ended it */
  unsigned answer_code; /* with this code; WSM_NO_STATUS for what is none */
};

/* Zero it before; model_clear it after. */
void model_read (struct model *m, const struct model_rules *rules,
                 const unsigned char *bytes, size_t n);
void model_clear (struct model *m);

/* Are these bytes a prefix of UTF-8? *whole: they end with a code point. */
bool model_is_utf8 (const unsigned char *bytes, size_t n, bool *whole);

#endif
