#include <string.h>
#include "protocol/url.h"

#define HOST_LIMIT 253 /* RFC 1035 2.3.4, without the root's dot */
#define PORT_LIMIT 65535

/* Why a URL is bad: the sentence after the quotation. */
static bool refuse (struct wsm_error *e, struct wsm_span text,
                    const char *why) {
  char quote[WSM_QUOTE_SIZE];
  wsm_error_set(e, WSM_HANDSHAKE, "bad URL %s: %s", wsm_span_quote(quote, text),
                why);
  e->final = true;
  return false;
}

static bool refuse_at (struct wsm_error *e, struct wsm_span text,
                       const char *what, size_t at) {
  char quote[WSM_QUOTE_SIZE];
  wsm_error_set(e, WSM_HANDSHAKE, "bad URL %s: %s at byte %lu",
                wsm_span_quote(quote, text), what, (unsigned long)at + 1);
  e->final = true;
  return false;
}

static bool is_digit (char c) {
  return c >= '0' && c <= '9';
}

static bool is_hex (char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* RFC 3986 2.3, unreserved */
static bool is_host (char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         c == '-' || c == '.' || c == '_' || c == '~';
}

static size_t run (struct wsm_span s, bool (*is)(char c)) {
  size_t n = 0;
  while (n < s.length && is(s.text[n])) n++;
  return n;
}

static struct wsm_span skip (struct wsm_span s, size_t n) {
  s.text += n;
  s.length -= n;
  return s;
}

/* Takes what stands before any of the stop characters off rest. */
static struct wsm_span take (struct wsm_span *rest, const char *stops) {
  struct wsm_span s = { rest->text, 0 };
  while (s.length < rest->length && !strchr(stops, s.text[s.length]))
    s.length++;
  *rest = skip(*rest, s.length);
  return s;
}

static const char *bad_byte (char c) {
  const unsigned char u = (unsigned char)c;
  if (u == ' ') return "a space";
  if (u < 0x20 || u == 0x7F) return "a control character";
  if (u == '\\') return "a backslash";
  return NULL;
}

static bool check_bytes (struct wsm_span text, struct wsm_error *e) {
  size_t i;
  if (text.length > WSM_URL_LIMIT)
    return refuse(e, text, "it is longer than 65535 bytes");
  for (i = 0; i < text.length; i++) {
    const char *what = bad_byte(text.text[i]);
    if (what) return refuse_at(e, text, what, i);
    if (text.text[i] == '#')
      return refuse(e, text,
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
    return refuse(e, text, "it must begin with ws:// or wss://");
  *rest = skip(*rest, 3);
  url->secure = wsm_span_is(url->scheme, "wss") ||
                wsm_span_is(url->scheme, "https");
  if (url->secure || wsm_span_is(url->scheme, "ws") ||
      wsm_span_is(url->scheme, "http"))
    return true;
  return refuse(e, text, "the scheme must be ws or wss");
}

/* Four decimal numbers up to 255, no leading zeros (RFC 3986 3.2.2). */
static bool is_ipv4 (struct wsm_span s) {
  int part;
  for (part = 0; part < 4; part++) {
    const size_t n = run(s, is_digit);
    int value = 0;
    size_t i;
    if (n == 0 || n > 3 || (n > 1 && s.text[0] == '0')) return false;
    for (i = 0; i < n; i++) value = value * 10 + (s.text[i] - '0');
    if (value > 255) return false;
    s = skip(s, n);
    if (part == 3) break;
    if (s.length == 0 || s.text[0] != '.') return false;
    s = skip(s, 1);
  }
  return s.length == 0;
}

/* Groups of hexadecimal digits, or an IPv4 address that counts as two at the
** end, from s up to a "::" or the end; -1: something else. */
static int take_groups (struct wsm_span *s) {
  int groups = 0;
  while (s->length > 0) {
    const size_t n = run(*s, is_hex);
    if (n < s->length && s->text[n] == '.' && is_ipv4(*s)) {
      *s = skip(*s, s->length);
      return groups + 2;
    }
    if (n == 0 || n > 4) return -1;
    groups++;
    *s = skip(*s, n);
    if (s->length == 0) break;
    if (s->text[0] != ':' || s->length == 1) return -1;
    if (s->text[1] == ':') break;
    *s = skip(*s, 1);
  }
  return groups;
}

/* RFC 4291 2.2: eight groups, or fewer around one "::". */
static bool is_ipv6 (struct wsm_span s) {
  const bool starts = s.length >= 2 && memcmp(s.text, "::", 2) == 0;
  const int before = starts ? 0 : take_groups(&s);
  int after;
  if (before < 0) return false;
  if (s.length == 0) return before == 8;
  s = skip(s, 2);
  after = take_groups(&s);
  return after >= 0 && s.length == 0 && before + after < 8;
}

static bool take_ipv6 (struct wsm_url *url, struct wsm_span *rest,
                       struct wsm_span text, struct wsm_error *e) {
  *rest = skip(*rest, 1);
  url->host = take(rest, "]");
  if (rest->length == 0) return refuse(e, text, "the host has no closing ']'");
  *rest = skip(*rest, 1);
  url->ipv6 = true;
  if (memchr(url->host.text, '%', url->host.length))
    return refuse(e, text, "an IPv6 address here takes no zone ('%')");
  if (!is_ipv6(url->host))
    return refuse(e, text, "what is in brackets is no IPv6 address");
  return true;
}

static bool take_name (struct wsm_url *url, struct wsm_span *rest,
                       struct wsm_span text, struct wsm_error *e) {
  size_t n;
  url->host = take(rest, ":");
  if (url->host.length == 0) return refuse(e, text, "it has no host");
  if (url->host.length > HOST_LIMIT)
    return refuse(e, text, "the host is longer than 253 bytes");
  n = run(url->host, is_host);
  if (n == url->host.length) return true;
  if ((unsigned char)url->host.text[n] >= 0x80)
    return refuse(e, text,
                  "the host is not ASCII: write it in punycode "
                  "(xn--...)");
  return refuse_at(e, text, "a character no host may have",
                   (size_t)(url->host.text - text.text) + n);
}

/* An empty port means the scheme's own (RFC 3986 3.2.3). */
static bool take_port (struct wsm_url *url, struct wsm_span rest,
                       struct wsm_span text, struct wsm_error *e) {
  size_t i;
  int port = 0;
  url->port = url->secure ? 443 : 80;
  if (rest.length == 0) return true;
  if (rest.text[0] != ':')
    return refuse(e, text, "only a port may follow the ']' of the host");
  if (rest.length == 1) return true;
  for (i = 1; i < rest.length; i++) {
    if (!is_digit(rest.text[i]))
      return refuse(e, text, "the port is not a number");
    port = port * 10 + (rest.text[i] - '0');
    if (port > PORT_LIMIT) return refuse(e, text, "the port is over 65535");
  }
  if (port == 0) return refuse(e, text, "the port is 0");
  url->port = port;
  return true;
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
  *rest = skip(*rest, 1);
  if (!memchr(rest->text, '@', rest->length)) return true;
  return refuse(e, text, "it has two '@' (write %40 in a user or password)");
}

bool wsm_url_parse (struct wsm_url *url, const char *text, size_t n,
                    struct wsm_error *e) {
  const struct wsm_span whole = { text, n };
  struct wsm_span rest = whole, authority;
  memset(url, 0, sizeof *url);
  if (!check_bytes(whole, e) || !take_scheme(url, &rest, e)) return false;
  authority = take(&rest, "/?");
  url->target = rest;
  if (!take_user(url, &authority, whole, e)) return false;
  if (authority.length > 0 && authority.text[0] == '[') {
    if (!take_ipv6(url, &authority, whole, e)) return false;
  } else if (!take_name(url, &authority, whole, e)) return false;
  return take_port(url, authority, whole, e);
}
