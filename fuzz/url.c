/* Any text as a URL, host:port, address and userinfo: what is parsed is composed
** again, written to a request, and addresses are compared with inet_pton. */
#include "http/url.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/memory.h"
#include "input.h"
#include "websocket/upgrade.h"
#include "http/ip.h"
#include "http/userinfo.h"
#include "http/percent.h"
#include "http/writer.h"

static void require_refusal (const struct wsm_error *e) {
  REQUIRE(e->token == WSM_HANDSHAKE && e->final && e->detail[0]);
  REQUIRE(strlen(e->detail) < WSM_DETAIL_SIZE);
}

static bool is_within (struct wsm_span part, struct wsm_span whole) {
  return part.length == 0 ||
         (part.text >= whole.text &&
          part.text + part.length <= whole.text + whole.length);
}

/* --- addresses --- */

static void check_ip (struct wsm_span text) {
  struct wsm_ip ip;
  unsigned char bytes[16];
  char terminated[64];
  size_t length = 0;
  const bool taken = wsm_ip_parse(&ip, text);
  if (text.length >= sizeof terminated ||
      (text.length && memchr(text.text, '\0', text.length))) {
    REQUIRE(!taken);
    return;
  }
  if (text.length) memcpy(terminated, text.text, text.length);
  terminated[text.length] = '\0';
  if (inet_pton(AF_INET, terminated, bytes) == 1) length = 4;
  else if (inet_pton(AF_INET6, terminated, bytes) == 1) length = 16;
  REQUIRE(taken == (length > 0));
  if (!taken) return;
  REQUIRE(ip.length == length && memcmp(ip.bytes, bytes, length) == 0);
  REQUIRE(wsm_ip_matches(&ip, &ip, length * 8));
}

/* --- URLs --- */

static void compose (struct wsm_buffer *to, const struct wsm_url *url) {
  char port[16];
  snprintf(port, sizeof port, ":%d", url->port);
  REQUIRE(wsm_write_span(to, url->scheme) && wsm_write_text(to, "://"));
  if (url->user.length)
    REQUIRE(wsm_write_span(to, url->user) && wsm_write_text(to, "@"));
  REQUIRE(wsm_write_text(to, url->ipv6 ? "[" : "") &&
          wsm_write_span(to, url->host) &&
          wsm_write_text(to, url->ipv6 ? "]" : "") &&
          wsm_write_text(to, port) && wsm_write_span(to, url->target));
}

static void check_again (const struct wsm_url *url) {
  struct wsm_buffer text;
  struct wsm_url again;
  struct wsm_error e;
  memset(&text, 0, sizeof text);
  compose(&text, url);
  if (wsm_buffer_length(&text) <= WSM_URL_LIMIT) {
    REQUIRE(wsm_url_parse(&again, (const char *)wsm_buffer_bytes(&text),
                          wsm_buffer_length(&text), &e));
    REQUIRE(again.secure == url->secure && again.ipv6 == url->ipv6);
    REQUIRE(again.port == url->port);
    REQUIRE(wsm_span_equals(again.user, url->user));
    REQUIRE(wsm_span_equals(again.host, url->host));
    REQUIRE(wsm_span_equals(again.target, url->target));
  }
  wsm_buffer_clear(&text);
}

/* The request for it is one whole head. */
static void check_request (const struct wsm_url *url) {
  static struct wsm_head head;
  struct wsm_buffer text;
  struct wsm_error e;
  struct wsm_request ask;
  memset(&text, 0, sizeof text);
  memset(&ask, 0, sizeof ask);
  ask.url = url;
  ask.key = "dGhlIHNhbXBsZSBub25jZQ==";
  REQUIRE(wsm_upgrade_request(&text, &ask));
  REQUIRE(wsm_head_parse_request(&head, (const char *)wsm_buffer_bytes(&text),
                                 wsm_buffer_length(&text),
                                 &e) == (long)wsm_buffer_length(&text));
  REQUIRE(wsm_upgrade_check_request(&head, &e) == 0);
  REQUIRE(head.target.text[0] == '/');
  REQUIRE(wsm_head_count(&head, "Authorization") == (url->user.length > 0));
  wsm_buffer_clear(&text);
}

static void check_url (struct wsm_span text) {
  struct wsm_url url;
  struct wsm_error e;
  if (!wsm_url_parse(&url, text.text, text.length, &e)) {
    require_refusal(&e);
    return;
  }
  REQUIRE(url.host.length > 0 && url.port > 0 && url.port <= 65535);
  REQUIRE(is_within(url.host, text) && is_within(url.target, text));
  REQUIRE(is_within(url.user, text) && is_within(url.scheme, text));
  REQUIRE(url.target.length == 0 || url.target.text[0] == '/' ||
          url.target.text[0] == '?');
  check_again(&url);
  check_request(&url);
}

static void check_host_port (struct wsm_span text) {
  struct wsm_url url;
  struct wsm_error e;
  memset(&url, 0, sizeof url);
  url.port = 7;
  if (!wsm_url_parse_host_port(&url, text, &e)) {
    require_refusal(&e);
    return;
  }
  REQUIRE(url.host.length > 0 && url.port > 0 && url.port <= 65535);
  REQUIRE(is_within(url.host, text));
}

/* --- userinfo --- */

static int hex_value (char c) {
  static const char digits[] = "0123456789abcdef0123456789ABCDEF";
  const char *at = c ? strchr(digits, c) : NULL;
  return at ? (int)((at - digits) & 15) : -1;
}

static size_t decode (unsigned char *to, struct wsm_span s) {
  size_t i, n = 0;
  for (i = 0; i < s.length; i++) {
    to[n] = (unsigned char)s.text[i];
    if (s.text[i] == '%' && i + 2 < s.length && hex_value(s.text[i + 1]) >= 0 &&
        hex_value(s.text[i + 2]) >= 0) {
      to[n] = (unsigned char)(hex_value(s.text[i + 1]) << 4 |
                              hex_value(s.text[i + 2]));
      i += 2;
    }
    n++;
  }
  return n;
}

static void check_userinfo (struct wsm_span text) {
  unsigned char *decoded = malloc(text.length + 1);
  unsigned char *expected = malloc(text.length + 1);
  const size_t n = decode(expected, text);
  REQUIRE(wsm_percent_decode(decoded, text.length, text) == (long)n);
  REQUIRE(memcmp(decoded, expected, n) == 0);
  if (n > 0) REQUIRE(wsm_percent_decode(decoded, n - 1, text) == -1);
  REQUIRE(is_within(wsm_userinfo_name(text), text));
  REQUIRE(is_within(wsm_userinfo_password(text), text));
  free(decoded);
  free(expected);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  struct wsm_span text;
  text.text = (const char *)data;
  text.length = size;
  check_url(text);
  check_host_port(text);
  check_ip(text);
  check_userinfo(text);
  REQUIRE(wsm_memory_blocks() == 0);
  return 0;
}
