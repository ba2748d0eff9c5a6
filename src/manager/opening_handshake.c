#include "manager/opening_handshake.h"

#include <string.h>
#include "base/memory.h"
#include "http/body.h"
#include "http/retry_after.h"
#include "manager/http_server.h"
#include "manager/peer_head.h"
#include "manager/redirects.h"
#include "websocket/extension.h"
#include "base/hidden.h"

#define BODY_LIMIT 4096         /* of a rejecting response's body */
#define BODY_MS 1000            /* how long it may take */
#define RETRY_AFTER_LIMIT_S 600 /* the longest wait a peer may ask for */
#define RECENT_S 1750000000     /* of this century, for years of two digits */

/* --- the request, and the response that rejects it --- */

/* The request, with the offer of compression if the policy wants it. */
static struct wsm_request request_of (const struct wsm_manager *m,
                                      char offer[WSM_EXTENSION_TEXT]) {
  struct wsm_request request = m->request;
  if (m->policy->compress) {
    wsm_extension_offer(offer, &m->policy->compression);
    request.extensions = offer;
  }
  return request;
}

bool wsm_opening_request (struct wsm_manager *m, struct wsm_error *e) {
  char offer[WSM_EXTENSION_TEXT];
  const struct wsm_request request = request_of(m, offer);
  wsm_state_renew_session(m);
  m->interim_bytes = 0;
  if (wsm_upgrade_request(&m->session.out, &request)) {
    m->step = WSM_STEP_HEAD;
    return true;
  }
  wsm_error_set(e, WSM_FULL, "no memory for the opening handshake");
  return false;
}

/* --- a plain request to a server that speaks TLS --- */

static bool contains (struct wsm_span text, const char *what) {
  const size_t n = strlen(what);
  for (; text.length >= n; text = wsm_span_skip(text, 1))
    if (memcmp(text.text, what, n) == 0) return true;
  return false;
}

static bool is_plain (const struct wsm_manager *m) {
  return m->role == WSM_CLIENT && !m->request.url->secure;
}

static void amend_tls (struct wsm_error *e, const char *what) {
  const struct wsm_error before = *e;
  wsm_error_set(e, before.token, "%.150s; %s: wss instead of ws?",
                before.detail, what);
  e->final = before.final;
}

/* The connection ended before the server answered, as most such servers do. */
static void suspect_tls (const struct wsm_manager *m, struct wsm_error *e) {
  if (m->step == WSM_STEP_HEAD && is_plain(m) && m->interim_bytes == 0 &&
      wsm_buffer_length(&m->session.in) == 0)
    amend_tls(e, "perhaps it speaks TLS");
}

/* Why the response rejects; some such servers say it in a 400's body. */
static void explain_rejection (const struct wsm_manager *m,
                               struct wsm_error *e) {
  const struct wsm_span text = { (const char *)wsm_buffer_bytes(&m->head_text),
                                 wsm_buffer_length(&m->head_text) };
  const struct wsm_span body = wsm_span_skip(text, m->head_length);
  *e = m->error;
  if (is_plain(m) && (contains(body, "HTTPS") || contains(body, "SSL-enabled")))
    amend_tls(e, "it speaks TLS");
}

/* --- its response --- */

/* Behind the head, as much as there is room. false: there is no more. */
static bool keep_piece (struct wsm_manager *m, struct wsm_span piece) {
  const size_t had = wsm_buffer_length(&m->head_text) - m->head_length;
  const size_t room = BODY_LIMIT - had;
  const size_t n = piece.length < room ? piece.length : room;
  return wsm_buffer_append(&m->head_text, piece.text, n) && n < room;
}

/* The error that the response was rejected with is in m->error. */
static enum wsm_opening read_body (struct wsm_manager *m, struct wsm_error *e) {
  struct wsm_buffer *in = &m->session.in;
  struct wsm_span rest = { (const char *)wsm_buffer_bytes(in),
                           wsm_buffer_length(in) };
  struct wsm_span piece;
  enum wsm_body_status status;
  do status = wsm_body_take(&m->body, &rest, &piece);
  while (status == WSM_BODY_DATA && keep_piece(m, piece));
  wsm_buffer_clear(in);
  if (status == WSM_BODY_MORE) return WSM_OPENING_MORE;
  explain_rejection(m, e);
  return WSM_OPENING_FAILED;
}

/* RFC 9110 10.2.3: Retry-After. A date counts from the response's own Date, so
** that the peer's clock need not be right; without one it is ignored. */
static uint32_t retry_after (const struct wsm_head *head) {
  const struct wsm_header *h = wsm_head_find(head, "Retry-After");
  const struct wsm_header *date = wsm_head_find(head, "Date");
  int64_t now_s = INT64_MAX, wait_s;
  if (!h || (head->status != 429 && head->status != 503)) return 0;
  if (date && !wsm_date_parse(date->value, RECENT_S, &now_s)) now_s = INT64_MAX;
  wait_s = wsm_retry_after(h->value, now_s, RETRY_AFTER_LIMIT_S);
  return wait_s > 0 ? (uint32_t)wait_s * 1000 : 0;
}

static void await_body (struct wsm_manager *m, const struct wsm_head *head,
                        uint64_t now_ms) {
  const uint64_t until_ms = now_ms + BODY_MS;
  m->step = WSM_STEP_BODY;
  m->status = (uint16_t)head->status;
  m->retry_after_ms = retry_after(head);
  if (m->journal && m->retry_after_ms)
    wsm_state_note(m,
                   &(struct wsm_noted){ WSM_NOTE_RETRY_AFTER, m->retry_after_ms,
                                        m->status, NULL },
                   now_ms);
  wsm_body_start(&m->body, head);
  if (until_ms < m->due_ms) m->due_ms = until_ms;
}

/* A server that agrees before the whole request was written has not read it. */
static bool has_asked (const struct wsm_manager *m, struct wsm_error *e) {
  if (wsm_session_pending(&m->session) == 0) return true;
  wsm_error_final(e, WSM_HANDSHAKE,
                  "the server answered before it had the whole request");
  return false;
}

/* Starts compression if the response agreed to it. */
static bool agree_on_compression (struct wsm_manager *m,
                                  struct wsm_span extensions,
                                  struct wsm_error *e) {
  struct wsm_compression agreed;
  const int found = wsm_extension_check_response(
    extensions, &m->policy->compression, &agreed, e);
  if (found <= 0) return found == 0;
  if (wsm_session_deflate(&m->session, &agreed)) return true;
  wsm_error_set(e, WSM_FULL, "no memory for compression");
  return false;
}

/* Does the response agree, in compression too? */
static bool agree (struct wsm_manager *m, const struct wsm_head *head,
                   struct wsm_error *e) {
  char offer[WSM_EXTENSION_TEXT];
  const struct wsm_request request = request_of(m, offer);
  struct wsm_agreement agreed;
  if (!wsm_upgrade_check_response(head, &request, &agreed, e) ||
      !has_asked(m, e))
    return false;
  if (!wsm_peer_head_keep_agreement(m, &agreed)) {
    wsm_error_set(e, WSM_FULL, "no memory for the response");
    return false;
  }
  return !m->policy->compress || agree_on_compression(m, agreed.extensions, e);
}

/* An interim response (RFC 9110 15.2) says nothing yet; a 101 is final. */
static bool drop_interim (struct wsm_manager *m, const struct wsm_head *head) {
  if (head->status >= 200 || head->status == 101) return false;
  m->interim_bytes += m->head_length;
  wsm_buffer_clear(&m->head_text);
  m->head_length = 0;
  return true;
}

static int take_response (struct wsm_manager *m, struct wsm_head *head,
                          size_t n, struct wsm_error *e) {
  int whole;
  while ((whole = wsm_peer_head_take(m, head, n, e)) > 0 &&
         drop_interim(m, head))
    n = wsm_buffer_length(&m->session.in);
  return whole;
}

static enum wsm_opening read_response (struct wsm_manager *m, size_t n,
                                       uint64_t now_ms, struct wsm_error *e) {
  struct wsm_head head;
  const int whole = take_response(m, &head, n, e);
  if (whole == 0) return WSM_OPENING_MORE;
  if (whole > 0 && agree(m, &head, e)) return WSM_OPENING_OPENED;
  if (whole < 0 || head.status == 101) return WSM_OPENING_FAILED;
  if (wsm_redirects_follow(m, &head, e)) return WSM_OPENING_REDIRECT;
  m->error = *e;
  await_body(m, &head, now_ms);
  return read_body(m, e);
}

/* --- both roles --- */

enum wsm_opening wsm_opening_read (struct wsm_manager *m, size_t n,
                                   uint64_t now_ms, struct wsm_error *e) {
  if (m->role == WSM_SERVER) return wsm_http_server_read(m, n, now_ms, e);
  switch (m->step) {
    case WSM_STEP_HEAD:
      return read_response(m, n, now_ms, e);
    case WSM_STEP_BODY:
      return read_body(m, e);
    default:
      wsm_buffer_clear(&m->session.in);
      return WSM_OPENING_MORE;
  }
}

static void explain_timeout (const struct wsm_manager *m, struct wsm_error *e) {
  const double s = m->policy->open_ms / 1000.0;
  if (m->step == WSM_STEP_TARGET)
    wsm_error_set(e, WSM_TIMEOUT,
                  "the functions that say where to connect to did not return "
                  "within %g s",
                  m->policy->ask_ms / 1000.0);
  else if (m->step != WSM_STEP_CONNECT)
    wsm_error_set(e, WSM_TIMEOUT,
                  "no answer to the opening handshake within %g s", s);
  else if (m->proxy_name)
    wsm_error_set(e, WSM_TIMEOUT, "no way through the proxy %s within %g s",
                  m->proxy_name, s);
  else wsm_error_set(e, WSM_TIMEOUT, "no connection within %g s", s);
}

enum wsm_opening wsm_opening_timeout (struct wsm_manager *m, uint64_t now_ms,
                                      struct wsm_error *e) {
  if (m->role == WSM_SERVER) return wsm_http_server_timeout(m, now_ms, e);
  if (m->step == WSM_STEP_BODY) explain_rejection(m, e);
  else explain_timeout(m, e);
  return WSM_OPENING_FAILED;
}

void wsm_opening_lost (const struct wsm_manager *m, const struct wsm_error *why,
                       struct wsm_error *e) {
  const bool server = m->role == WSM_SERVER;
  if (m->step == WSM_STEP_BODY && !server) {
    explain_rejection(m, e);
    return;
  }
  if (why) *e = *why;
  else if (server)
    wsm_error_set(e, WSM_CLOSED, "the peer left before it was accepted");
  else if (m->step == WSM_STEP_HEAD)
    wsm_error_set(e, WSM_HANDSHAKE,
                  "the peer ended the connection "
                  "before it answered the opening handshake");
  else wsm_error_set(e, WSM_REFUSED, "the peer refused the connection");
  if (!why || why->token == WSM_CLOSED) suspect_tls(m, e);
}
