#include "manager/http_server.h"

#include <string.h>
#include "http/request_framing.h"
#include "http/status.h"
#include "http/writer.h"
#include "manager/peer_head.h"
#include "websocket/extension.h"
#include "base/hidden.h"

#define BODY_STEP 65536 /* a body takes at most timeouts.open for each */
#define IDLE_MS 2000    /* the next request may come so much later */

/* --- responses --- */

/* RFC 9110 9.3.2 */
static bool is_head_request (const struct wsm_manager *m) {
  struct wsm_head head;
  return wsm_peer_head_parse(m, &head) &&
         wsm_span_equals(head.method, wsm_span_of("HEAD"));
}

static bool write_response (struct wsm_manager *m,
                            const struct wsm_response *response,
                            uint64_t now_ms) {
  struct wsm_response r = *response;
  r.head_only |= is_head_request(m);
  if (m->epoch_ms) r.date_s = (m->epoch_ms + (int64_t)now_ms) / 1000;
  return wsm_response_write(&m->session.out, &r);
}

/* A response that no owner is asked about, and the end of the connection. */
static enum wsm_opening reject_alone (struct wsm_manager *m, int status,
                                      uint64_t now_ms, struct wsm_error *e) {
  struct wsm_response response;
  memset(&response, 0, sizeof response);
  response.status = status;
  response.body = wsm_status_text(status);
  response.length = strlen(response.body);
  m->error = *e;
  return write_response(m, &response, now_ms) ? WSM_OPENING_REJECTED
                                              : WSM_OPENING_FAILED;
}

/* No request can follow this one. */
static bool is_last (const struct wsm_manager *m) {
  return m->half_closed && wsm_buffer_length(&m->session.in) == 0;
}

bool wsm_http_server_respond (struct wsm_manager *m,
                              const struct wsm_response *response,
                              uint64_t now_ms) {
  struct wsm_response r = *response;
  if (is_last(m)) m->persistent = false;
  r.persistent = m->persistent = m->persistent && response->persistent;
  if (!write_response(m, &r, now_ms)) return false;
  m->error.token = WSM_NONE;
  return true;
}

bool wsm_http_server_respond_invalid (struct wsm_manager *m, uint64_t now_ms) {
  struct wsm_response response;
  memset(&response, 0, sizeof response);
  response.status = m->reject_status;
  response.body = m->error.detail;
  response.length = strlen(response.body);
  return wsm_http_server_respond(m, &response, now_ms);
}

/* --- a request's head --- */

static int status_for (const struct wsm_error *e) {
  switch (e->token) {
    case WSM_TOOBIG:
      return 431;
    case WSM_FULL:
      return 503;
    default:
      return 400;
  }
}

/* The status that rejects it as an opening handshake, and m->error says why; or
** 0. */
static int check_handshake (struct wsm_manager *m,
                            const struct wsm_head *head) {
  const int status = wsm_upgrade_check_request(head, &m->error);
  struct wsm_compression agreed;
  char answer[WSM_EXTENSION_TEXT];
  if (status) return status;
  return wsm_extension_choose(head, &m->policy->compression, &agreed, answer,
                              &m->error) < 0
           ? 400
           : 0;
}

static enum wsm_opening ask_owner (struct wsm_manager *m, uint64_t now_ms) {
  m->step = WSM_STEP_REQUEST;
  m->due_ms = wsm_state_after(now_ms, m->policy->open_ms);
  return WSM_OPENING_REQUEST;
}

/* --- its body --- */

/* The status that refuses it, or 0: the piece is behind the head. */
static int keep_piece (struct wsm_manager *m, struct wsm_span piece,
                       struct wsm_error *e) {
  const uint64_t limit = m->policy->body_bytes;
  const size_t had = wsm_buffer_length(&m->head_text) - m->head_length;
  if (had + piece.length > limit) {
    wsm_error_set(e, WSM_TOOBIG, "the request's body is over %llu bytes",
                  (unsigned long long)limit);
    return 413;
  }
  if (wsm_buffer_append(&m->head_text, piece.text, piece.length)) return 0;
  wsm_error_set(e, WSM_FULL, "no memory for the request's body");
  return 503;
}

/* Takes what has come of it; what is behind it is the next request's. */
static enum wsm_body_status take_body (struct wsm_manager *m, int *status,
                                       struct wsm_error *e) {
  struct wsm_buffer *in = &m->session.in;
  const size_t had = wsm_buffer_length(in);
  struct wsm_span rest = { (const char *)wsm_buffer_bytes(in), had };
  struct wsm_span piece;
  enum wsm_body_status body;
  *status = 0;
  do {
    body = wsm_body_take(&m->body, &rest, &piece);
    if (body == WSM_BODY_DATA) *status = keep_piece(m, piece, e);
  } while (body == WSM_BODY_DATA && *status == 0);
  if (had > 0) wsm_buffer_consume(in, had - rest.length);
  return body;
}

/* The time begins anew with each step: a slow upload is no dead one. */
static void renew_deadline (struct wsm_manager *m, size_t had,
                            uint64_t now_ms) {
  const size_t has = wsm_buffer_length(&m->head_text) - m->head_length;
  if (has / BODY_STEP > had / BODY_STEP)
    m->due_ms = wsm_state_after(now_ms, m->policy->open_ms);
}

static enum wsm_opening read_body (struct wsm_manager *m, uint64_t now_ms,
                                   struct wsm_error *e) {
  const size_t had = wsm_buffer_length(&m->head_text) - m->head_length;
  int status;
  switch (take_body(m, &status, e)) {
    case WSM_BODY_MORE:
      renew_deadline(m, had, now_ms);
      return WSM_OPENING_MORE;
    case WSM_BODY_END:
      return ask_owner(m, now_ms);
    case WSM_BODY_BAD:
      wsm_error_set(e, WSM_HANDSHAKE, "the request's body has bad chunks");
      status = 400;
      break;
    case WSM_BODY_DATA: /* it was not kept */
      break;
  }
  return reject_alone(m, status, now_ms, e);
}

/* RFC 9110 10.1.1: not for a client that has begun to send. */
static bool write_continue (struct wsm_manager *m,
                            const struct wsm_head *head) {
  return !wsm_body_is_announced(head) || !wsm_framing_awaits_continue(head) ||
         wsm_buffer_length(&m->session.in) > 0 ||
         wsm_write_text(&m->session.out, "HTTP/1.1 100 Continue\r\n\r\n");
}

static enum wsm_opening read_page_request (struct wsm_manager *m,
                                           const struct wsm_head *head,
                                           uint64_t now_ms,
                                           struct wsm_error *e) {
  const int status = wsm_framing_check_body(head, m->policy->body_bytes, e);
  if (status) return reject_alone(m, status, now_ms, e);
  m->persistent = wsm_framing_persists(head);
  wsm_body_start(&m->body, head);
  m->step = WSM_STEP_BODY;
  m->due_ms = wsm_state_after(now_ms, m->policy->open_ms);
  if (write_continue(m, head)) return read_body(m, now_ms, e);
  wsm_error_set(e, WSM_FULL, "no memory for a response");
  return WSM_OPENING_FAILED;
}

/* --- requests --- */

/* Is it for the program's page: no opening handshake, not even a wrong one? */
static bool is_for_page (const struct wsm_manager *m,
                         const struct wsm_head *head) {
  return m->policy->pages && m->reject_status && m->reject_status != 400 &&
         !wsm_upgrade_is_asked_for(head);
}

static enum wsm_opening read_head (struct wsm_manager *m, size_t n,
                                   uint64_t now_ms, struct wsm_error *e) {
  struct wsm_head head;
  const int whole = wsm_peer_head_take(m, &head, n, e);
  if (whole == 0) return WSM_OPENING_MORE;
  if (whole < 0) return reject_alone(m, status_for(e), now_ms, e);
  m->error.token = WSM_NONE;
  m->reject_status = (uint16_t)check_handshake(m, &head);
  m->for_page = is_for_page(m, &head);
  m->persistent = false;
  return m->for_page ? read_page_request(m, &head, now_ms, e)
                     : ask_owner(m, now_ms);
}

/* RFC 6455 4.1: a client waits for the response before it sends more. The next
** request of a page's client is read later. */
static enum wsm_opening bound_early_bytes (struct wsm_manager *m,
                                           uint64_t now_ms,
                                           struct wsm_error *e) {
  if (m->for_page ||
      wsm_buffer_length(&m->session.in) <= m->policy->header_bytes)
    return WSM_OPENING_MORE;
  wsm_error_set(e, WSM_HANDSHAKE,
                "the peer did not wait for the answer to "
                "its opening handshake");
  return reject_alone(m, 400, now_ms, e);
}

/* The first bytes of another request came: its head has its own time. */
static void end_idling (struct wsm_manager *m, uint64_t now_ms) {
  if (!m->idle) return;
  m->idle = false;
  m->due_ms = wsm_state_after(now_ms, m->policy->open_ms);
}

enum wsm_opening wsm_http_server_read (struct wsm_manager *m, size_t n,
                                       uint64_t now_ms, struct wsm_error *e) {
  switch (m->step) {
    case WSM_STEP_HEAD:
      end_idling(m, now_ms);
      return read_head(m, n, now_ms, e);
    case WSM_STEP_BODY:
      return read_body(m, now_ms, e);
    case WSM_STEP_REQUEST:
      return bound_early_bytes(m, now_ms, e);
    default:
      return WSM_OPENING_MORE;
  }
}

enum wsm_opening wsm_http_server_next (struct wsm_manager *m, uint64_t now_ms,
                                       struct wsm_error *e) {
  const size_t n = wsm_buffer_length(&m->session.in);
  const uint32_t open_ms = m->policy->open_ms;
  enum wsm_opening opening = WSM_OPENING_MORE;
  m->step = WSM_STEP_HEAD;
  m->due_ms = now_ms + (open_ms && open_ms < IDLE_MS ? open_ms : IDLE_MS);
  m->reject_status = 0;
  m->for_page = false;
  m->idle = true;
  m->head_length = 0;
  wsm_buffer_clear(&m->head_text);
  if (n > 0) opening = wsm_http_server_read(m, n, now_ms, e);
  /* nothing follows: nobody waits for a response */
  if (opening == WSM_OPENING_MORE && m->half_closed)
    return WSM_OPENING_REJECTED;
  return opening;
}

/* RFC 9112 9.6 */
bool wsm_http_server_half_closed (struct wsm_manager *m) {
  const bool answers =
    m->state == WSM_STATE_CONNECTING && m->reject_status &&
    (m->step == WSM_STEP_REQUEST || m->step == WSM_STEP_RESPONSE);
  const bool writes = m->state == WSM_STATE_CLOSING &&
                      !wsm_state_had_session(m) &&
                      wsm_session_pending(&m->session) > 0;
  m->half_closed |= m->role == WSM_SERVER && (answers || writes);
  return m->half_closed && (answers || writes);
}

bool wsm_http_server_is_ahead (const struct wsm_manager *m) {
  return m->for_page &&
         (m->step == WSM_STEP_REQUEST || m->step == WSM_STEP_RESPONSE) &&
         wsm_buffer_length(&m->session.in) > m->policy->header_bytes;
}

/* --- the end --- */

enum wsm_opening wsm_http_server_timeout (struct wsm_manager *m,
                                          uint64_t now_ms,
                                          struct wsm_error *e) {
  const double open_s = m->policy->open_ms / 1000.0;
  if (m->idle) return WSM_OPENING_REJECTED; /* nobody waits for a response */
  switch (m->step) {
    case WSM_STEP_CONNECT: /* no response can be written */
      wsm_error_set(e, WSM_TIMEOUT,
                    "the client did not finish the TLS handshake within %g s",
                    open_s);
      return WSM_OPENING_FAILED;
    case WSM_STEP_RESPONSE:
      wsm_error_set(e, WSM_TIMEOUT,
                    "the peer took no byte of a response for %g s",
                    m->policy->close_ms / 1000.0);
      return WSM_OPENING_FAILED;
    case WSM_STEP_REQUEST:
      wsm_error_set(e, WSM_TIMEOUT,
                    "the program did not answer a request within %g s", open_s);
      return reject_alone(m, 503, now_ms, e);
    default:
      wsm_error_set(e, WSM_TIMEOUT, "no whole request within %g s", open_s);
      return reject_alone(m, 408, now_ms, e);
  }
}

enum wsm_opening wsm_http_server_stop (struct wsm_manager *m, uint64_t now_ms,
                                       struct wsm_error *e) {
  if (m->step == WSM_STEP_RESPONSE || m->step == WSM_STEP_HEAD)
    return WSM_OPENING_REJECTED;
  wsm_error_set(e, WSM_CLOSED, "the server stops");
  if (m->step == WSM_STEP_CONNECT) return WSM_OPENING_FAILED;
  return reject_alone(m, 503, now_ms, e);
}

/* --- the 101 --- */

/* Agrees on the first acceptable offer of compression. */
static bool write_accept (struct wsm_manager *m, const char *protocol,
                          const char *headers) {
  const struct wsm_policy *p = m->policy;
  struct wsm_agreement kept = { { "", 0 }, { "", 0 } };
  struct wsm_compression agreed;
  struct wsm_head head;
  struct wsm_error e;
  char answer[WSM_EXTENSION_TEXT];
  bool found;
  if (!wsm_peer_head_parse(m, &head)) return false;
  found = p->compress &&
          wsm_extension_choose(&head, &p->compression, &agreed, answer, &e) > 0;
  if (protocol) kept.protocol = wsm_subprotocol_choose(&head, protocol);
  if (found) kept.extensions = wsm_span_of(answer);
  return wsm_upgrade_accept(&m->session.out, &head, protocol,
                            found ? answer : NULL, headers) &&
         wsm_peer_head_keep_agreement(m, &kept) &&
         (!found || wsm_session_deflate(&m->session, &agreed));
}

bool wsm_http_server_accept (struct wsm_manager *m, const char *protocol,
                             const char *headers) {
  if (write_accept(m, protocol, headers)) return true;
  wsm_buffer_clear(&m->session.out);
  return false;
}
