#include "websocket/violation.h"

#include "websocket/control.h"
#include "websocket/http_text.h"
#include "base/hidden.h"

/* Failing drops the bytes that say why. */
void wsm_violation_frame (struct wsm_session *s, const struct wsm_frame *f,
                          const char *rule) {
  struct wsm_error why = { .token = WSM_NONE };
  if (s->role == WSM_CLIENT)
    wsm_http_text_match(&s->http_matched, wsm_session_unparsed(s), &why);
  wsm_control_fail(s, WSM_PROTOCOL_ERROR,
                   "the peer sent a frame of opcode 0x%X %s",
                   (unsigned)f->opcode, rule);
  if (why.token != WSM_NONE) *s->error = why;
}

void wsm_violation_length (struct wsm_session *s) {
  wsm_control_fail(s, WSM_PROTOCOL_ERROR,
                   "the peer sent a frame whose "
                   "length is not minimal, or too long (RFC 6455 5.2)");
}

void wsm_violation_size (struct wsm_session *s, const struct wsm_frame *f,
                         uint64_t bytes) {
  if (f->length > s->limits->frame)
    wsm_control_fail(s, WSM_TOO_BIG,
                     "the peer sent a frame of %llu bytes; the limit is %llu "
                     "(RFC 6455 10.4)",
                     (unsigned long long)f->length,
                     (unsigned long long)s->limits->frame);
  else
    wsm_control_fail(s, WSM_TOO_BIG,
                     "the peer sent a message of %llu bytes or more; the "
                     "limit is %llu (RFC 6455 10.4)",
                     (unsigned long long)bytes,
                     (unsigned long long)s->limits->message);
}

void wsm_violation_fragments (struct wsm_session *s) {
  wsm_control_fail(s, WSM_POLICY,
                   "the peer sent a message in more than %lu fragments, "
                   "the limit",
                   (unsigned long)s->limits->fragments);
}

void wsm_violation_text (struct wsm_session *s) {
  wsm_control_fail(s, WSM_INVALID_DATA,
                   "the peer sent text that is not UTF-8 (RFC 6455 8.1)");
}

static void fail_inflated_size (struct wsm_session *s) {
  wsm_control_fail(s, WSM_TOO_BIG,
                   "the peer sent a message that inflates "
                   "to more than %llu bytes, the limit",
                   (unsigned long long)s->limits->message);
}

static void fail_memory (struct wsm_session *s) {
  wsm_control_fail(s, WSM_INTERNAL_ERROR,
                   "no memory to inflate the peer's message");
}

void wsm_violation_deflate (struct wsm_session *s, enum wsm_inflated inflated) {
  if (inflated == WSM_INFLATE_TOO_BIG) fail_inflated_size(s);
  else if (inflated == WSM_INFLATE_NO_MEMORY) fail_memory(s);
  else
    wsm_control_fail(s, WSM_INVALID_DATA,
                     "the peer sent a compressed "
                     "message that does not inflate (RFC 7692 7.2.2)");
}

void wsm_violation_zlib (struct wsm_session *s, enum wsm_inflated inflated) {
  if (inflated == WSM_INFLATE_TOO_BIG) fail_inflated_size(s);
  else if (inflated == WSM_INFLATE_NO_MEMORY) fail_memory(s);
  else
    wsm_control_fail(s, WSM_INVALID_DATA,
                     inflated == WSM_INFLATE_ENDED
                       ? "the peer ended its zlib stream, which is one for the "
                         "whole connection (the option inflate)"
                       : "the peer's zlib stream does not inflate (the option "
                         "inflate)");
}
