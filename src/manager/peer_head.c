#include "manager/peer_head.h"

#include <string.h>
#include "base/memory.h"
#include "base/hidden.h"

static long parse (const struct wsm_manager *m, struct wsm_head *head,
                   const struct wsm_span *text, struct wsm_error *e) {
  return m->role == WSM_CLIENT
           ? wsm_head_parse_response(head, text->text, text->length, e)
           : wsm_head_parse_request(head, text->text, text->length, e);
}

static struct wsm_span span_of (const unsigned char *bytes, size_t n) {
  struct wsm_span span;
  span.text = (const char *)bytes;
  span.length = n;
  return span;
}

/* Parses the head that was kept. */
bool wsm_peer_head_parse (const struct wsm_manager *m, struct wsm_head *head) {
  const struct wsm_span text =
    span_of(wsm_buffer_bytes(&m->head_text), m->head_length);
  struct wsm_error e;
  return parse(m, head, &text, &e) > 0;
}

/* Kept for the connection's life, so allocated to fit. */
static bool keep_head (struct wsm_manager *m, size_t n) {
  struct wsm_buffer *in = &m->session.in;
  struct wsm_buffer *text = &m->head_text;
  wsm_buffer_clear(text);
  m->head_length = 0;
  text->data = wsm_alloc(n);
  if (!text->data) return false;
  memcpy(text->data, wsm_buffer_bytes(in), n);
  text->end = text->size = m->head_length = n;
  wsm_buffer_consume(in, n);
  return true;
}

/* Copies what was agreed on, whose texts are somebody else's. false: no memory,
** and what was agreed on before stays. */
bool wsm_peer_head_keep_agreement (struct wsm_manager *m,
                                   const struct wsm_agreement *agreed) {
  const size_t protocol = agreed->protocol.length;
  const size_t n = protocol + agreed->extensions.length;
  char *text = n ? wsm_alloc(n) : NULL;
  if (n && !text) return false;
  if (protocol) memcpy(text, agreed->protocol.text, protocol);
  if (n > protocol)
    memcpy(text + protocol, agreed->extensions.text, n - protocol);
  wsm_free(m->agreed_text);
  m->agreed_text = text;
  m->agreed.protocol.text = n ? text : "";
  m->agreed.protocol.length = protocol;
  m->agreed.extensions.text = n ? text + protocol : "";
  m->agreed.extensions.length = n - protocol;
  return true;
}

/* Bytes that a head may still have. */
static size_t room_for_head (const struct wsm_manager *m) {
  const uint64_t limit = m->policy->header_bytes;
  return limit > m->interim_bytes ? (size_t)(limit - m->interim_bytes) : 0;
}

/* Moves the peer's head to head_text once it is whole; its last n bytes are
** new. 1: it is whole; 0: more is needed; -1: e says why it cannot be. */
int wsm_peer_head_take (struct wsm_manager *m, struct wsm_head *head, size_t n,
                        struct wsm_error *e) {
  const struct wsm_buffer *in = &m->session.in;
  const size_t length = wsm_buffer_length(in);
  const size_t room = room_for_head(m);
  const bool too_long = length > room;
  /* what is beyond the limit is not looked at, however it arrives */
  const struct wsm_span text =
    span_of(wsm_buffer_bytes(in), too_long ? room : length);
  const size_t fresh = n < length ? n : length;
  const char *first = (const char *)wsm_buffer_bytes(in) + length - fresh;
  long taken = 0;
  /* the first bytes are parsed at once: they may be no HTTP at all */
  if (fresh && (fresh == length || too_long || memchr(first, '\n', fresh)))
    taken = parse(m, head, &text, e);
  if (taken < 0) return -1;
  if (!taken && too_long) {
    wsm_error_set(e, WSM_TOOBIG, "the peer's HTTP head is over %llu bytes",
                  (unsigned long long)m->policy->header_bytes);
    return -1;
  }
  if (!taken) return 0;
  if (keep_head(m, (size_t)taken) && wsm_peer_head_parse(m, head)) return 1;
  wsm_error_set(e, WSM_FULL, "no memory for the peer's HTTP head");
  return -1;
}
