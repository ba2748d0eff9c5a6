#include "http/body.h"

#include "base/ascii.h"
#include "base/hidden.h"

enum step {
  STEP_UNTIL_EOF, /* the connection's end ends it */
  STEP_LENGTH,    /* Content-Length */
  STEP_SIZE,      /* the first digit of a chunk's size */
  STEP_DIGITS,    /* the others */
  STEP_SPACE,     /* after the size */
  STEP_EXTENSION, /* after a ';' */
  STEP_SIZE_LF,
  STEP_CHUNK, /* its data */
  STEP_CHUNK_CR,
  STEP_CHUNK_LF,
  STEP_TRAILER, /* a line, or the empty one */
  STEP_TRAILER_LINE,
  STEP_TRAILER_LF,
  STEP_LAST_LF,
  STEP_END,
  STEP_BAD
};

/* --- what the head announces --- */

/* RFC 9112 6.3: chunked is the last coding, or the end is that of the
** connection. A request has no such end. */
static enum step coded (const struct wsm_head *head) {
  const struct wsm_header *h = NULL;
  bool chunked = false;
  while ((h = wsm_head_next(head, "Transfer-Encoding", h)) != NULL) {
    struct wsm_span list = h->value, coding;
    while (wsm_span_take(&list, &coding))
      chunked = wsm_span_is(coding, "chunked");
  }
  if (chunked) return STEP_SIZE;
  return head->status ? STEP_UNTIL_EOF : STEP_BAD;
}

bool wsm_body_parse_length (struct wsm_span text, uint64_t *length) {
  size_t i;
  *length = 0;
  for (i = 0; i < text.length; i++) {
    if (!wsm_is_digit(text.text[i])) return false;
    if (*length > UINT64_MAX / 10 - 1) *length = UINT64_MAX;
    else *length = *length * 10 + (uint64_t)(text.text[i] - '0');
  }
  return text.length > 0;
}

/* All values are the same (RFC 9112 6.3, 5). */
static enum step counted (const struct wsm_head *head, uint64_t *length) {
  const struct wsm_header *h = NULL;
  bool known = false;
  while ((h = wsm_head_next(head, "Content-Length", h)) != NULL) {
    struct wsm_span list = h->value, one;
    if (list.length == 0) return STEP_BAD;
    while (wsm_span_take(&list, &one)) {
      uint64_t n;
      if (!wsm_body_parse_length(one, &n) || n == UINT64_MAX ||
          (known && n != *length))
        return STEP_BAD;
      *length = n;
      known = true;
    }
  }
  if (known) return *length > 0 ? STEP_LENGTH : STEP_END;
  return head->status ? STEP_UNTIL_EOF : STEP_END;
}

void wsm_body_start (struct wsm_body *b, const struct wsm_head *head) {
  b->left = b->extra = 0;
  if (head->status && !wsm_body_is_allowed(head->status)) b->step = STEP_END;
  else if (wsm_head_find(head, "Transfer-Encoding"))
    b->step = (uint8_t)coded(head);
  else b->step = (uint8_t)counted(head, &b->left);
}

/* --- chunks: RFC 9112 7.1 --- */

static enum step note_extra (struct wsm_body *b, char c, enum step step) {
  if (++b->extra > WSM_BODY_EXTRA_LIMIT || !wsm_value_is_valid(&c, 1))
    return STEP_BAD;
  return step;
}

static enum step add_digit (struct wsm_body *b, char c) {
  const int digit = wsm_hex_value(c);
  if (digit < 0 || b->left > UINT64_MAX >> 4) return STEP_BAD;
  if (digit == 0 && b->left == 0 && ++b->extra > WSM_BODY_EXTRA_LIMIT)
    return STEP_BAD;
  b->left = b->left << 4 | (uint64_t)digit;
  return STEP_DIGITS;
}

static enum step after_size (struct wsm_body *b, char c) {
  if (c == '\r') return STEP_SIZE_LF;
  if (c == ';') return note_extra(b, c, STEP_EXTENSION);
  if (c == ' ' || c == '\t') return note_extra(b, c, STEP_SPACE);
  return b->step == STEP_DIGITS ? add_digit(b, c) : STEP_BAD;
}

static enum step expect (char c, char expected, enum step step) {
  return c == expected ? step : STEP_BAD;
}

/* The step after a byte of what is around the data. */
static enum step next_step (struct wsm_body *b, char c) {
  switch (b->step) {
    case STEP_SIZE:
      return add_digit(b, c);
    case STEP_DIGITS:
    case STEP_SPACE:
      return after_size(b, c);
    case STEP_EXTENSION:
      return c == '\r' ? STEP_SIZE_LF : note_extra(b, c, STEP_EXTENSION);
    case STEP_SIZE_LF:
      return expect(c, '\n', b->left > 0 ? STEP_CHUNK : STEP_TRAILER);
    case STEP_CHUNK_CR:
      return expect(c, '\r', STEP_CHUNK_LF);
    case STEP_CHUNK_LF:
      return expect(c, '\n', STEP_SIZE);
    case STEP_TRAILER:
      if (c == '\r') return STEP_LAST_LF;
      return note_extra(b, c, STEP_TRAILER_LINE);
    case STEP_TRAILER_LINE:
      return c == '\r' ? STEP_TRAILER_LF : note_extra(b, c, STEP_TRAILER_LINE);
    case STEP_TRAILER_LF:
      return expect(c, '\n', STEP_TRAILER);
    case STEP_LAST_LF:
      return expect(c, '\n', STEP_END);
    default:
      return STEP_BAD;
  }
}

/* --- its pieces --- */

static enum wsm_body_status take_data (struct wsm_body *b, struct wsm_span *in,
                                       struct wsm_span *piece) {
  *piece = *in;
  if (b->step != STEP_UNTIL_EOF) {
    if (piece->length > b->left) piece->length = (size_t)b->left;
    b->left -= piece->length;
    if (b->left == 0)
      b->step = b->step == STEP_LENGTH ? STEP_END : STEP_CHUNK_CR;
  }
  *in = wsm_span_skip(*in, piece->length);
  return WSM_BODY_DATA;
}

enum wsm_body_status wsm_body_take (struct wsm_body *b, struct wsm_span *in,
                                    struct wsm_span *piece) {
  for (;;) {
    if (b->step == STEP_END) return WSM_BODY_END;
    if (b->step == STEP_BAD) return WSM_BODY_BAD;
    if (in->length == 0) return WSM_BODY_MORE;
    if (b->step == STEP_UNTIL_EOF || b->step == STEP_LENGTH ||
        b->step == STEP_CHUNK)
      return take_data(b, in, piece);
    b->step = (uint8_t)next_step(b, in->text[0]);
    *in = wsm_span_skip(*in, 1);
  }
}

/* --- questions --- */

bool wsm_body_is_announced (const struct wsm_head *head) {
  const struct wsm_header *h = NULL;
  if (wsm_head_find(head, "Transfer-Encoding")) return true;
  while ((h = wsm_head_next(head, "Content-Length", h)) != NULL)
    if (!wsm_span_is(h->value, "0")) return true;
  return false;
}

bool wsm_body_is_allowed (int status) {
  return status >= 200 && status != 204 && status != 304;
}
