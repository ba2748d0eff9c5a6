#include "proxy/http_connect.h"

#include "http/authority.h"
#include "http/head.h"
#include "http/status.h"
#include "http/userinfo.h"
#include "http/writer.h"
#include "proxy/proxy_error.h"
#include "base/hidden.h"

/* --- the request: RFC 9110 9.3.6 --- */

/* Host repeats the target (RFC 9112 3.2.3, 3.2). */
static bool write_connect (struct wsm_buffer *to,
                           const struct wsm_proxy_handshake *x) {
  const struct wsm_span user = x->proxy->user;
  return wsm_write_text(to, "CONNECT ") &&
         wsm_authority_write(to, x->host, x->port) &&
         wsm_write_text(to, " HTTP/1.1\r\nHost: ") &&
         wsm_authority_write(to, x->host, x->port) &&
         wsm_write_text(to, "\r\nUser-Agent: wsmanager\r\n") &&
         (user.length == 0 ||
          wsm_userinfo_basic(to, "Proxy-Authorization", user)) &&
         wsm_write_text(to, "\r\n");
}

bool wsm_http_connect_start (const struct wsm_proxy_handshake *x,
                             struct wsm_buffer *out) {
  const size_t length = wsm_buffer_length(out);
  return wsm_write_commit_or_rollback(out, length, write_connect(out, x));
}

/* --- 407: RFC 9110 11.7.1 --- */

/* The value of realm="..." in a challenge (RFC 9110 11.4), still escaped. */
static struct wsm_span realm_of (struct wsm_span challenge) {
  static const char key[] = "realm=\"";
  const size_t n = sizeof key - 1;
  struct wsm_span s = challenge;
  for (; s.length >= n; s = wsm_span_skip(s, 1)) {
    struct wsm_span start = { s.text, n };
    if (!wsm_span_is(start, key)) continue;
    start.text = s.text + n;
    start.length = 0;
    while (start.length < s.length - n && start.text[start.length] != '"')
      start.length += start.text[start.length] == '\\' ? 2 : 1;
    if (start.length > s.length - n) start.length = s.length - n;
    return start;
  }
  return wsm_span_of(NULL);
}

static struct wsm_span scheme_of (struct wsm_span challenge) {
  size_t n = 0;
  while (n < challenge.length && challenge.text[n] != ' ') n++;
  challenge.length = n;
  return challenge;
}

/* The Basic challenge, else the first; NULL: there is none. */
static const struct wsm_header *challenge_of (const struct wsm_head *head) {
  static const char name[] = "Proxy-Authenticate";
  const struct wsm_header *h = NULL;
  while ((h = wsm_head_next(head, name, h)) != NULL)
    if (wsm_span_is(scheme_of(h->value), "Basic")) return h;
  return wsm_head_find(head, name);
}

static enum wsm_proxy_handshake_status
fail_authentication (const struct wsm_proxy_handshake *x,
                     const struct wsm_head *head, struct wsm_error *e) {
  const struct wsm_header *h = challenge_of(head);
  const struct wsm_span challenge = h ? h->value : wsm_span_of(NULL);
  const struct wsm_span scheme = scheme_of(challenge);
  char realm[WSM_QUOTE_SIZE], quote[WSM_QUOTE_SIZE];
  wsm_span_quote(realm, realm_of(challenge));
  if (h && !wsm_span_is(scheme, "Basic"))
    return wsm_proxy_error_final(x, e,
                                 "answered 407: it wants %s for the realm %s, "
                                 "and only Basic is supported",
                                 wsm_span_quote(quote, scheme), realm);
  if (x->proxy->user.length > 0)
    return wsm_proxy_error_final(x, e,
                                 "answered 407: it does not take this user and "
                                 "password for the realm %s",
                                 realm);
  return wsm_proxy_error_final(x, e,
                               "answered 407: it wants a user and password "
                               "for the realm %s",
                               realm);
}

/* --- the response --- */

static enum wsm_proxy_handshake_status
fail_status (const struct wsm_proxy_handshake *x, const struct wsm_head *head,
             struct wsm_error *e) {
  char reason[WSM_QUOTE_SIZE], target[WSM_PROXY_NAME_SIZE];
  if (head->status == 407) return fail_authentication(x, head, e);
  wsm_proxy_error(x, e, "answered %d %s to CONNECT %s", head->status,
                  wsm_span_quote(reason, head->reason),
                  wsm_proxy_error_target(target, x));
  e->final = !wsm_status_is_transient(head->status);
  return WSM_PROXY_HANDSHAKE_FAILED;
}

/* e has what is wrong with the head. */
static enum wsm_proxy_handshake_status
fail_head (const struct wsm_proxy_handshake *x, struct wsm_error *e) {
  const struct wsm_error why = *e;
  wsm_proxy_error_final(x, e, "did not answer CONNECT in HTTP: %s", why.detail);
  if (why.token == WSM_TOOBIG) e->token = WSM_TOOBIG;
  return WSM_PROXY_HANDSHAKE_FAILED;
}

static enum wsm_proxy_handshake_status
fail_length (const struct wsm_proxy_handshake *x, struct wsm_error *e) {
  wsm_proxy_error_final(x, e, "answers CONNECT with a head over %d bytes",
                        WSM_PROXY_HANDSHAKE_LIMIT);
  e->token = WSM_TOOBIG;
  return WSM_PROXY_HANDSHAKE_FAILED;
}

/* Any 2xx opens the tunnel, and has no body whatever its head says (RFC 9110
** 9.3.6); a 1xx is interim (15.2), but for a 101, which was not asked for. */
enum wsm_proxy_handshake_status
wsm_http_connect_read (struct wsm_proxy_handshake *x, struct wsm_buffer *in,
                       struct wsm_error *e) {
  for (;;) {
    struct wsm_head head;
    const size_t length = wsm_buffer_length(in);
    const size_t room = WSM_PROXY_HANDSHAKE_LIMIT - x->interim_bytes;
    /* what is beyond the limit is not looked at, however it arrives */
    const long n = wsm_head_parse_response(&head,
                                           (const char *)wsm_buffer_bytes(in),
                                           length < room ? length : room, e);
    if (n < 0) return fail_head(x, e);
    if (n == 0 && length > room) return fail_length(x, e);
    if (n == 0) return WSM_PROXY_HANDSHAKE_MORE;
    if (head.status / 100 > 2 || head.status == 101)
      return fail_status(x, &head, e);
    wsm_buffer_consume(in, (size_t)n);
    x->interim_bytes += (size_t)n;
    if (head.status / 100 == 2) return WSM_PROXY_HANDSHAKE_OPEN;
  }
}
