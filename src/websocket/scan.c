#include "websocket/session.h"

#include "websocket/control.h"
#include "websocket/violation.h"
#include "base/hidden.h"

/* Handles a ping or pong at `scanned`. true: another frame follows. */
static bool scan_frame (struct wsm_session *s) {
  const size_t n = wsm_buffer_length(&s->in) - s->scanned;
  const unsigned char *bytes = s->in.data + s->in.start + s->scanned;
  struct wsm_frame f;
  const int header = wsm_frame_parse(&f, bytes, n);
  if (header <= 0 || wsm_rule_of_frame(s, &f)) return false;
  if (f.opcode == WSM_CLOSE) {
    s->close_pending = true;
    return false;
  }
  if (wsm_opcode_is_control(f.opcode)) {
    if (n - (size_t)header < f.length) return false;
    wsm_control_frame(s, &f, bytes + header);
  } else if (f.length > s->limits->message || f.length > SIZE_MAX / 2) {
    return false;
  }
  s->scanned += (size_t)header + (size_t)f.length;
  return true;
}

/* Behind what is there of a message in parts is the rest of its frame. */
static void skip_payload (struct wsm_session *s) {
  const uint64_t most = SIZE_MAX / 2;
  const uint64_t rest = s->remaining < most ? s->remaining : most;
  if (s->scanned < s->parsed + (size_t)rest)
    s->scanned = s->parsed + (size_t)rest;
}

void wsm_session_scan (struct wsm_session *s) {
  if (!s->has_message) return;
  wsm_control_send_pong(s);
  if (s->scanned < s->parsed) s->scanned = s->parsed;
  if (s->remaining) skip_payload(s);
  while (s->scanned < wsm_buffer_length(&s->in) && scan_frame(s)) continue;
}
