#include "websocket/control.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/memory.h"
#include "websocket/pings.h"
#include "websocket/zlib_stream.h"
#include "base/hidden.h"

#define NUMBER_SIZE 8 /* bytes of a ping's number */
#define CODE_SIZE 2
#define KEYS_KEPT (4 * WSM_KEY_SIZE) /* that pongs leave for a close frame */

void wsm_control_discard (struct wsm_session *s) {
  wsm_buffer_clear(&s->in);
  if (s->deflate) wsm_deflate_pop(s->deflate);
  wsm_zlib_stream_free(s->zlib);
  s->zlib = NULL;
  wsm_free(s->pong);
  s->pong = NULL;
  s->pong_due = s->has_message = false;
  s->parsed = s->message_length = s->scanned = 0;
  s->remaining = 0;
}

static bool has_room (const struct wsm_session *s) {
  if (wsm_session_pending(s) >= WSM_PONG_BACKLOG) return false;
  return s->role == WSM_SERVER || s->keys->left >= KEYS_KEPT;
}

/* RFC 6455 5.5.3: it is enough to answer the last ping */
static void defer_pong (struct wsm_session *s, const unsigned char *payload,
                        size_t n) {
  if (!s->pong) s->pong = wsm_alloc(WSM_CONTROL_LIMIT);
  if (!s->pong) return;
  if (n) memcpy(s->pong, payload, n);
  s->pong_length = (uint8_t)n;
  s->pong_due = true;
}

static void take_ping (struct wsm_session *s, const unsigned char *payload,
                       size_t n) {
  s->pings++;
  if (s->closing & WSM_CLOSE_SENT) return;
  if (has_room(s) && wsm_session_pong(s, payload, n)) s->pong_due = false;
  else defer_pong(s, payload, n);
}

void wsm_control_send_pong (struct wsm_session *s) {
  if (!s->pong_due || !has_room(s)) return;
  if (wsm_session_pong(s, s->pong, s->pong_length)) s->pong_due = false;
}

static void take_pong (struct wsm_session *s, const unsigned char *payload,
                       size_t n) {
  uint64_t number = 0;
  size_t i;
  s->pongs++;
  if (s->awaited) wsm_pings_answer(s->awaited, payload, n);
  if (n != NUMBER_SIZE) return;
  for (i = 0; i < n; i++) number = number << 8 | payload[i];
  if (number > s->ping_sent || number <= s->pong_seen) return;
  s->pong_seen = number;
  if (s->awaited) wsm_pings_answer_number(s->awaited, number);
}

static void store_reason (struct wsm_session *s, const void *reason, size_t n) {
  wsm_free(s->reason);
  s->reason = n ? wsm_alloc(n) : NULL;
  s->reason_length = s->reason ? (uint8_t)n : 0;
  if (s->reason) memcpy(s->reason, reason, n);
}

/* RFC 6455 5.5.1: the same code, or none if there was none */
static void answer_close (struct wsm_session *s) {
  wsm_session_close(s, s->close_code, NULL, 0);
  s->closing |= WSM_CLOSE_SENT | WSM_CLOSE_RECEIVED;
  wsm_control_discard(s);
}

static void note_close (struct wsm_session *s, unsigned code,
                        const unsigned char *reason, size_t n) {
  s->close_code = (uint16_t)code;
  store_reason(s, reason, n);
  answer_close(s);
}

/* Ours is sent: whatever the answer says, both want to end. What a close frame
** may not hold is left out. */
static void take_answer (struct wsm_session *s, const unsigned char *payload,
                         size_t n) {
  unsigned code = WSM_NO_STATUS;
  size_t reason = 0;
  if (n >= CODE_SIZE) {
    code = (unsigned)payload[0] << 8 | payload[1];
    if (!wsm_close_code_is_valid(code)) code = WSM_NO_STATUS;
    payload += CODE_SIZE;
    reason = n - CODE_SIZE;
  }
  if (code == WSM_NO_STATUS || !wsm_utf8_valid(payload, reason)) reason = 0;
  note_close(s, code, payload, reason);
}

static void take_close (struct wsm_session *s, const unsigned char *payload,
                        size_t n) {
  unsigned code = WSM_NO_STATUS;
  if (s->closing & WSM_CLOSE_SENT) {
    take_answer(s, payload, n);
    return;
  }
  if (n == 1) {
    wsm_control_fail(s, WSM_PROTOCOL_ERROR,
                     "the peer sent a close frame with "
                     "half a close code (RFC 6455 5.5.1)");
    return;
  }
  if (n >= CODE_SIZE) {
    code = (unsigned)payload[0] << 8 | payload[1];
    payload += CODE_SIZE;
    n -= CODE_SIZE;
    if (!wsm_close_code_is_valid(code)) {
      wsm_control_fail(s, WSM_PROTOCOL_ERROR,
                       "the peer closed with the code "
                       "%u, which must not be sent (RFC 6455 7.4)",
                       code);
      return;
    }
  }
  if (!wsm_utf8_valid(payload, n)) {
    wsm_control_fail(s, WSM_INVALID_DATA,
                     "the peer closed with a reason that "
                     "is not UTF-8 (RFC 6455 5.5.1)");
    return;
  }
  note_close(s, code, payload, n);
}

void wsm_control_frame (struct wsm_session *s, const struct wsm_frame *f,
                        const unsigned char *bytes) {
  unsigned char local[WSM_CONTROL_LIMIT];
  const size_t n = (size_t)f->length;
  const unsigned char *payload = f->masked ? local : bytes;
  if (f->masked) wsm_mask_copy(local, bytes, n, f->key);
  if (f->opcode == WSM_PING) take_ping(s, payload, n);
  else if (f->opcode == WSM_PONG) take_pong(s, payload, n);
  else take_close(s, payload, n);
}

static const char *reason_for (enum wsm_close_code code) {
  switch (code) {
    case WSM_INVALID_DATA:
      return "invalid data";
    case WSM_POLICY:
      return "too many fragments";
    case WSM_TOO_BIG:
      return "message too big";
    case WSM_INTERNAL_ERROR:
      return "no memory";
    default:
      return "protocol error";
  }
}

static enum wsm_token token_for (enum wsm_close_code code) {
  switch (code) {
    case WSM_POLICY:
      return WSM_TOOBIG;
    case WSM_TOO_BIG:
      return WSM_TOOBIG;
    case WSM_INTERNAL_ERROR:
      return WSM_FULL;
    default:
      return WSM_PROTOCOL;
  }
}

void wsm_control_fail (struct wsm_session *s, enum wsm_close_code code,
                       const char *format, ...) {
  const char *reason = reason_for(code);
  const size_t n = strlen(reason);
  char text[WSM_DETAIL_SIZE];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  wsm_error_set(s->error, token_for(code), "%s", text);
  wsm_control_discard(s);
  wsm_session_close(s, code, reason, n);
  s->closing |= WSM_CLOSE_SENT | WSM_CLOSE_FAILED;
  s->close_code = (uint16_t)code;
  store_reason(s, reason, n);
}
