#include <stdio.h>
#include <string.h>
#include "proxy/proxy_handshake_internal.h"
#include "http/head.h"
#include "http/userinfo.h"
#include "http/header_lines.h"

static bool write_target (struct wsm_buffer *to,
                          const struct wsm_proxy_handshake *x) {
  const bool ipv6 = memchr(x->host.text, ':', x->host.length) != NULL;
  char port[16];
  snprintf(port, sizeof port, ipv6 ? "]:%d" : ":%d", x->port);
  return wsm_write_text(to, ipv6 ? "[" : "") && wsm_write_span(to, x->host) &&
         wsm_write_text(to, port);
}

/* Host is the target's once more (RFC 9112 3.2.3, 3.2). */
static bool write_connect (struct wsm_buffer *to,
                           const struct wsm_proxy_handshake *x) {
  const struct wsm_span user = x->proxy->user;
  return wsm_write_text(to, "CONNECT ") && write_target(to, x) &&
         wsm_write_text(to, " HTTP/1.1\r\nHost: ") && write_target(to, x) &&
         wsm_write_text(to, "\r\nUser-Agent: wsmanager\r\n") &&
         (user.length == 0 ||
          wsm_userinfo_basic(to, "Proxy-Authorization", user)) &&
         wsm_write_text(to, "\r\n");
}

bool wsm_http_connect_start (const struct wsm_proxy_handshake *x,
                             struct wsm_buffer *out) {
  const size_t length = wsm_buffer_length(out);
  return wsm_write_settle(out, length, write_connect(out, x));
}

/* The value of realm="..." in a challenge (RFC 9110 11.4), still escaped. */
static struct wsm_span realm_of (struct wsm_span challenge) {
  static const char key[] = "realm=\"";
  const size_t n = sizeof key - 1;
  struct wsm_span s = challenge;
  for (; s.length >= n; s.text++, s.length--) {
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

/* The challenge that can be answered, else the first; NULL: there is none. */
static const struct wsm_header *challenge_of (const struct wsm_head *head) {
  static const char name[] = "Proxy-Authenticate";
  const struct wsm_header *h = NULL;
  while ((h = wsm_head_next(head, name, h)) != NULL)
    if (wsm_span_is(scheme_of(h->value), "Basic")) return h;
  return wsm_head_find(head, name);
}

static enum wsm_proxy_handshake_status
refuse_user (const struct wsm_proxy_handshake *x, const struct wsm_head *head,
             struct wsm_error *e) {
  const struct wsm_header *h = challenge_of(head);
  const struct wsm_span scheme = scheme_of(h ? h->value : wsm_span_of(NULL));
  char realm[WSM_QUOTE_SIZE], quote[WSM_QUOTE_SIZE];
  wsm_span_quote(realm, realm_of(h ? h->value : wsm_span_of(NULL)));
  if (h && !wsm_span_is(scheme, "Basic"))
    wsm_proxy_handshake_refuse(x, e,
                               "answered 407: it wants %s for the realm %s, "
                               "and only Basic is spoken here",
                               wsm_span_quote(quote, scheme), realm);
  else if (x->proxy->user.length > 0)
    wsm_proxy_handshake_refuse(x, e,
                               "answered 407: it does not take this user and "
                               "password for the realm %s",
                               realm);
  else
    wsm_proxy_handshake_refuse(x, e,
                               "answered 407: it wants a user and password for "
                               "the realm %s",
                               realm);
  e->final = true;
  return WSM_PROXY_HANDSHAKE_FAILED;
}

static bool may_change (int status) {
  return status / 100 == 5 || status == 408 || status == 425 || status == 429;
}

static enum wsm_proxy_handshake_status
refuse (const struct wsm_proxy_handshake *x, const struct wsm_head *head,
        struct wsm_error *e) {
  char reason[WSM_QUOTE_SIZE], target[WSM_PROXY_PLACE];
  if (head->status == 407) return refuse_user(x, head, e);
  wsm_proxy_handshake_refuse(x, e, "answered %d %s to CONNECT %s", head->status,
                             wsm_span_quote(reason, head->reason),
                             wsm_proxy_handshake_target(target, x));
  e->final = !may_change(head->status);
  return WSM_PROXY_HANDSHAKE_FAILED;
}

static enum wsm_proxy_handshake_status
refuse_nonsense (const struct wsm_proxy_handshake *x, struct wsm_error *e) {
  const struct wsm_error why = *e;
  wsm_proxy_handshake_refuse(x, e, "did not answer CONNECT in HTTP: %s",
                             why.detail);
  e->token = why.token == WSM_TOOBIG ? WSM_TOOBIG : WSM_PROXY;
  e->final = true;
  return WSM_PROXY_HANDSHAKE_FAILED;
}

static enum wsm_proxy_handshake_status
refuse_length (const struct wsm_proxy_handshake *x, struct wsm_error *e) {
  wsm_proxy_handshake_refuse(x, e, "answers CONNECT with a head over %d bytes",
                             WSM_PROXY_HANDSHAKE_LIMIT);
  e->token = WSM_TOOBIG;
  e->final = true;
  return WSM_PROXY_HANDSHAKE_FAILED;
}

/* Any 2xx frees the way, and has no body whatever it says (RFC 9110 9.3.6);
** a 1xx is not the answer yet (15.2), but for the 101 that nobody asked for. */
enum wsm_proxy_handshake_status
wsm_http_connect_read (struct wsm_proxy_handshake *x, struct wsm_buffer *in,
                       struct wsm_error *e) {
  for (;;) {
    struct wsm_head head;
    const size_t had = wsm_buffer_length(in);
    const long n = wsm_head_parse_response(
      &head, (const char *)wsm_buffer_bytes(in), had, e);
    if (n < 0) return refuse_nonsense(x, e);
    if (x->passed + (n > 0 ? (size_t)n : had) > WSM_PROXY_HANDSHAKE_LIMIT)
      return refuse_length(x, e);
    if (n == 0) return WSM_PROXY_HANDSHAKE_MORE;
    if (head.status / 100 > 2 || head.status == 101) return refuse(x, &head, e);
    wsm_buffer_consume(in, (size_t)n);
    x->passed += (size_t)n;
    if (head.status / 100 == 2) return WSM_PROXY_HANDSHAKE_OPEN;
  }
}
