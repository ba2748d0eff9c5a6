#include "http/url.h"

#include <string.h>
#include "base/ascii.h"
#include "http/ip.h"
#include "base/hidden.h"

#define HOST_LIMIT 253 /* RFC 1035 2.3.4, without the root's dot */
#define PORT_LIMIT 65535

/* Appends as much of it as has room. */
static void append (struct wsm_span *to, char buffer[WSM_QUOTE_SIZE],
                    struct wsm_span s) {
  const size_t room = WSM_QUOTE_SIZE - to->length;
  const size_t n = s.length < room ? s.length : room;
  memcpy(buffer + to->length, s.text, n);
  to->length += n;
}

/* The length of "scheme://", or 0. */
static size_t scheme_length (struct wsm_span url) {
  size_t n = 0;
  while (n < url.length && wsm_is_letter(url.text[n])) n++;
  return url.length - n >= 3 && memcmp(url.text + n, "://", 3) == 0 ? n + 3 : 0;
}

const char *wsm_url_quote (char to[WSM_QUOTE_SIZE], struct wsm_span url) {
  static const struct wsm_span mask = { "***", 3 };
  char buffer[WSM_QUOTE_SIZE];
  struct wsm_span shown = { buffer, 0 }, rest = url;
  size_t at = url.length, n = 0;
  while (at > 0 && url.text[at - 1] != '@') at--;
  if (at > 0) {
    const struct wsm_span scheme = { url.text, scheme_length(url) };
    append(&shown, buffer, scheme);
    append(&shown, buffer, mask);
    rest.text += at - 1;
    rest.length -= at - 1;
  }
  while (n < rest.length && rest.text[n] != '?' && rest.text[n] != '#') n++;
  if (n < rest.length) {
    rest.length = n + 1;
    append(&shown, buffer, rest);
    append(&shown, buffer, mask);
  } else append(&shown, buffer, rest);
  return wsm_span_quote(to, shown);
}

static bool fail (struct wsm_error *e, struct wsm_span text, const char *why) {
  char quote[WSM_QUOTE_SIZE];
  wsm_error_final(e, WSM_HANDSHAKE, "bad URL %s: %s",
                  wsm_url_quote(quote, text), why);
  return false;
}

static bool fail_at (struct wsm_error *e, struct wsm_span text,
                     const char *what, size_t at) {
  char quote[WSM_QUOTE_SIZE];
  wsm_error_final(e, WSM_HANDSHAKE, "bad URL %s: %s at byte %lu",
                  wsm_url_quote(quote, text), what, (unsigned long)at + 1);
  return false;
}

/* RFC 3986 2.3, unreserved */
static bool is_host (char c) {
  return wsm_is_digit(c) || wsm_is_letter(c) || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

static size_t run (struct wsm_span s, bool (*is)(char c)) {
  size_t n = 0;
  while (n < s.length && is(s.text[n])) n++;
  return n;
}

/* Takes what precedes the first of the stop characters off rest. */
static struct wsm_span take (struct wsm_span *rest, const char *stops) {
  struct wsm_span s = { rest->text, 0 };
  while (s.length < rest->length && !strchr(stops, s.text[s.length]))
    s.length++;
  *rest = wsm_span_skip(*rest, s.length);
  return s;
}

static const char *bad_character (char c) {
  const unsigned char u = (unsigned char)c;
  if (u == ' ') return "a space";
  if (u < 0x20 || u == 0x7F) return "a control character";
  if (u == '\\') return "a backslash";
  return NULL;
}

static bool check_bytes (struct wsm_span text, struct wsm_error *e) {
  size_t i;
  if (text.length > WSM_URL_LIMIT)
    return fail(e, text, "it is longer than 65535 bytes");
  for (i = 0; i < text.length; i++) {
    const char *what = bad_character(text.text[i]);
    if (what) return fail_at(e, text, what, i);
    if (text.text[i] == '#')
      return fail(e, text,
                  "a WebSocket has no fragment ('#'; a literal one "
                  "is %23)");
  }
  return true;
}

static bool take_scheme (struct wsm_url *url, struct wsm_span *rest,
                         struct wsm_error *e) {
  const struct wsm_span text = *rest;
  url->scheme = take(rest, ":/?");
  if (rest->length < 3 || memcmp(rest->text, "://", 3) != 0)
    return fail(e, text, "it must begin with ws:// or wss://");
  *rest = wsm_span_skip(*rest, 3);
  url->secure = wsm_span_is(url->scheme, "wss") ||
                wsm_span_is(url->scheme, "https");
  if (url->secure || wsm_span_is(url->scheme, "ws") ||
      wsm_span_is(url->scheme, "http"))
    return true;
  return fail(e, text, "the scheme must be ws or wss");
}

static bool take_ipv6 (struct wsm_url *url, struct wsm_span *rest,
                       struct wsm_span text, struct wsm_error *e) {
  struct wsm_ip ip;
  *rest = wsm_span_skip(*rest, 1);
  url->host = take(rest, "]");
  if (rest->length == 0) return fail(e, text, "the host has no closing ']'");
  *rest = wsm_span_skip(*rest, 1);
  url->ipv6 = true;
  if (memchr(url->host.text, '%', url->host.length))
    return fail(e, text, "an IPv6 address here takes no zone ('%')");
  if (!wsm_ip_parse(&ip, url->host) || ip.length != 16)
    return fail(e, text, "what is in brackets is no IPv6 address");
  return true;
}

static bool take_name (struct wsm_url *url, struct wsm_span *rest,
                       struct wsm_span text, struct wsm_error *e) {
  size_t n;
  url->host = take(rest, ":");
  if (url->host.length == 0) return fail(e, text, "it has no host");
  if (url->host.length > HOST_LIMIT)
    return fail(e, text, "the host is longer than 253 bytes");
  n = run(url->host, is_host);
  if (n == url->host.length) return true;
  if ((unsigned char)url->host.text[n] >= 0x80)
    return fail(e, text,
                "the host is not ASCII: write it in punycode "
                "(xn--...)");
  return fail_at(e, text, "a character no host may have",
                 (size_t)(url->host.text - text.text) + n);
}

/* An empty port means the scheme's own (RFC 3986 3.2.3). */
static bool take_port (struct wsm_url *url, struct wsm_span rest,
                       struct wsm_span text, struct wsm_error *e) {
  size_t i;
  int port = 0;
  if (rest.length == 0) return true;
  if (rest.text[0] != ':')
    return fail(e, text, "only a port may follow the ']' of the host");
  if (rest.length == 1) return true;
  for (i = 1; i < rest.length; i++) {
    if (!wsm_is_digit(rest.text[i]))
      return fail(e, text, "the port is not a number");
    port = port * 10 + (rest.text[i] - '0');
    if (port > PORT_LIMIT) return fail(e, text, "the port is over 65535");
  }
  if (port == 0) return fail(e, text, "the port is 0");
  url->port = port;
  return true;
}

static bool take_host_port (struct wsm_url *url, struct wsm_span host_port,
                            struct wsm_span text, struct wsm_error *e) {
  const bool brackets = host_port.length > 0 && host_port.text[0] == '[';
  const bool taken = brackets ? take_ipv6(url, &host_port, text, e)
                              : take_name(url, &host_port, text, e);
  return taken && take_port(url, host_port, text, e);
}

static bool take_user (struct wsm_url *url, struct wsm_span *rest,
                       struct wsm_span text, struct wsm_error *e) {
  const struct wsm_span before = *rest;
  const struct wsm_span user = take(rest, "@");
  url->user.text = user.text;
  url->user.length = 0;
  if (rest->length == 0) {
    *rest = before;
    return true;
  }
  url->user = user;
  *rest = wsm_span_skip(*rest, 1);
  if (!memchr(rest->text, '@', rest->length)) return true;
  return fail(e, text, "it has two '@' (write %40 in a user or password)");
}

bool wsm_url_parse (struct wsm_url *url, const char *text, size_t n,
                    struct wsm_error *e) {
  const struct wsm_span whole = { text, n };
  struct wsm_span rest = whole, authority;
  memset(url, 0, sizeof *url);
  if (!check_bytes(whole, e) || !take_scheme(url, &rest, e)) return false;
  authority = take(&rest, "/?");
  url->target = rest;
  url->port = url->secure ? 443 : 80;
  return take_user(url, &authority, whole, e) &&
         take_host_port(url, authority, whole, e);
}

bool wsm_url_parse_host_port (struct wsm_url *url, struct wsm_span host_port,
                              struct wsm_error *e) {
  return check_bytes(host_port, e) &&
         take_host_port(url, host_port, host_port, e);
}
