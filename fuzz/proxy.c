/* Any bytes as a proxy's responses, a proxy's URL, a redirect, a date and the
** environment's variables, cut anywhere. */
#define _GNU_SOURCE /* memmem */
#include "proxy/proxy_url.h"

#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "input.h"
#include "proxy/environment.h"
#include "proxy/proxy_handshake.h"
#include "websocket/upgrade.h"
#include "http/redirect.h"
#include "http/retry_after.h"
#include "http/header_lines.h"
#include "http/status.h"
#include "http/writer.h"
#include "peer.h"

#define NOW_S INT64_C(1800000000)

static const char secret[] = "s3cr3t";

static struct wsm_span piece (struct input *in, size_t n) {
  struct wsm_span s;
  s.length = n;
  s.text = (const char *)input_piece(in, &s.length);
  return s;
}

static struct wsm_span rest_of (struct input *in) {
  return piece(in, in->left);
}

static struct wsm_span spans (const struct wsm_buffer *b) {
  struct wsm_span s;
  s.text = b->data ? (const char *)wsm_buffer_bytes(b) : "";
  s.length = wsm_buffer_length(b);
  return s;
}

static char *terminated (struct wsm_span s) {
  char *text = malloc(s.length + 1);
  REQUIRE(text);
  if (s.length) memcpy(text, s.text, s.length);
  text[s.length] = '\0';
  return text;
}

static void require_refusal (const struct wsm_error *e) {
  REQUIRE(e->token != WSM_NONE && e->detail[0]);
  REQUIRE(strlen(e->detail) < WSM_DETAIL_SIZE);
  REQUIRE(!strstr(e->detail, secret));
}

/* --- the handshake --- */

struct exchange {
  struct wsm_proxy proxy;
  struct wsm_proxy_handshake exchange;
  struct wsm_buffer in, out;
  enum wsm_proxy_handshake_status status;
  struct wsm_error error;
  size_t taken; /* bytes of the proxy's, when it is open */
};

static void exchange_start (struct exchange *t, unsigned kind) {
  static const char *const proxies[] = { "http://proxy:1",
                                         "http://u:s3cr3t@proxy",
                                         "socks5://proxy",
                                         "socks5h://u:s3cr3t@[::1]:9" };
  static const char *const hosts[] = { "example.com", "192.0.2.1", "::1" };
  const char *text = proxies[kind % 4];
  memset(t, 0, sizeof *t);
  REQUIRE(wsm_proxy_parse(&t->proxy, text, strlen(text), &t->error));
  t->exchange.proxy = &t->proxy;
  t->exchange.host = wsm_span_of(hosts[kind / 4 % 3]);
  t->exchange.port = 443;
  REQUIRE(wsm_proxy_handshake_start(&t->exchange, &t->out, &t->error));
  REQUIRE(wsm_buffer_length(&t->out) > 0);
}

/* Feeds input in pieces of at most `most` bytes until the handshake ends. */
static void exchange_feed (struct exchange *t, struct wsm_span input,
                           size_t most) {
  size_t fed = 0;
  while (fed < input.length && t->status == WSM_PROXY_HANDSHAKE_MORE) {
    const size_t left = input.length - fed, n = left < most ? left : most;
    REQUIRE(wsm_buffer_append(&t->in, input.text + fed, n));
    fed += n;
    t->status =
      wsm_proxy_handshake_read(&t->exchange, &t->in, &t->out, &t->error);
    REQUIRE(t->status != WSM_PROXY_HANDSHAKE_MORE ||
            wsm_buffer_length(&t->in) <= WSM_PROXY_HANDSHAKE_LIMIT);
  }
  t->taken = fed - wsm_buffer_length(&t->in);
  if (t->status == WSM_PROXY_HANDSHAKE_FAILED) require_refusal(&t->error);
  if (t->status == WSM_PROXY_HANDSHAKE_MORE)
    wsm_proxy_handshake_ended(&t->exchange, &t->error);
}

static void exchange_free (struct exchange *t) {
  wsm_buffer_clear(&t->in);
  wsm_buffer_clear(&t->out);
}

static const char *const answers[] = { "HTTP/1.1 200 Fine\r\n",
                                       "HTTP/1.1 407 Who?\r\n",
                                       "HTTP/1.0 503 Busy\r\n",
                                       "HTTP/1.1 100 Wait\r\n\r\n",
                                       "Proxy-Authenticate: ",
                                       "Basic realm=\"",
                                       "\r\n" };

/* With SOCKS5 bytes before a request fail, so that cuts matter. */
static void compare (const struct exchange *whole, const struct exchange *cut,
                     bool socks) {
  if (!socks || whole->status == WSM_PROXY_HANDSHAKE_OPEN)
    REQUIRE(whole->status == cut->status);
  if (whole->status == WSM_PROXY_HANDSHAKE_OPEN) {
    REQUIRE(whole->taken == cut->taken);
    REQUIRE(wsm_span_equals(spans(&whole->out), spans(&cut->out)));
  }
  if (!socks && whole->status == WSM_PROXY_HANDSHAKE_FAILED)
    REQUIRE(whole->error.token == cut->error.token);
}

static void check_exchange (struct input *in) {
  static const struct peer_lines all = { answers,
                                         sizeof answers / sizeof *answers };
  static const struct peer_lines none = { NULL, 0 };
  struct exchange whole, cut;
  struct wsm_buffer input;
  const unsigned kind = input_byte(in);
  const size_t most = 1 + input_byte(in);
  const bool socks = (kind & 2) != 0;
  memset(&input, 0, sizeof input);
  peer_lines(&input, in, socks ? &none : &all);
  exchange_start(&whole, kind);
  exchange_start(&cut, kind);
  exchange_feed(&whole, spans(&input), SIZE_MAX);
  exchange_feed(&cut, spans(&input), most);
  compare(&whole, &cut, socks);
  exchange_free(&whole);
  exchange_free(&cut);
  wsm_buffer_clear(&input);
}

/* --- a proxy's URL --- */

static void check_proxy_url (struct input *in) {
  static const char *const starts[] = { "",
                                        "http://",
                                        "https://",
                                        "socks5://",
                                        "http://user:s3cr3t@",
                                        "socks5h://user:s3cr3t@",
                                        "user:s3cr3t@",
                                        "ftp://user:s3cr3t@" };
  struct wsm_buffer text;
  struct wsm_proxy proxy;
  struct wsm_error e;
  char place[WSM_PROXY_NAME_SIZE];
  memset(&text, 0, sizeof text);
  REQUIRE(wsm_write_text(&text, starts[input_byte(in) & 7]));
  REQUIRE(wsm_write_span(&text, rest_of(in)));
  if (wsm_proxy_parse(&proxy, spans(&text).text, spans(&text).length, &e)) {
    REQUIRE(proxy.host.length > 0 && proxy.port > 0 && proxy.port <= 65535);
    wsm_proxy_name(place, &proxy);
    REQUIRE(strlen(place) < sizeof place && !strstr(place, secret));
  } else {
    REQUIRE(e.token == WSM_PROXY && e.final);
    require_refusal(&e);
  }
  wsm_buffer_clear(&text);
}

/* --- redirects --- */

static bool has_dots (struct wsm_span target) {
  size_t i = 0, n;
  while (i < target.length && target.text[i] == '/') {
    const char *at = target.text + i + 1;
    for (n = 0; i + 1 + n < target.length; n++)
      if (at[n] == '/' || at[n] == '?') break;
    if ((n == 1 || n == 2) && memcmp(at, "..", n) == 0) return true;
    i += n + 1;
  }
  return false;
}

static void check_followed (const struct wsm_redirect *r,
                            const struct wsm_buffer *to) {
  struct wsm_url url, again;
  struct wsm_error e;
  struct wsm_buffer twice;
  struct wsm_redirect next;
  if (wsm_buffer_length(to) > WSM_URL_LIMIT) return;
  REQUIRE(wsm_url_parse(&url, spans(to).text, spans(to).length, &e));
  REQUIRE(url.secure || !r->from->secure);
  REQUIRE(r->changed == !wsm_same_origin(r->from, &url));
  REQUIRE(!has_dots(url.target));
  memset(&twice, 0, sizeof twice);
  memset(&next, 0, sizeof next);
  next.from = r->from;
  next.http = r->http;
  next.location = spans(to);
  REQUIRE(wsm_redirect_follow(&next, &twice, &e));
  REQUIRE(wsm_url_parse(&again, spans(&twice).text, spans(&twice).length, &e));
  REQUIRE(wsm_span_equals(again.target, url.target));
  REQUIRE(wsm_same_origin(&again, &url));
  wsm_buffer_clear(&twice);
}

static void check_redirect (struct input *in) {
  static const char *const bases[] = { "ws://example.com",
                                       "wss://u:s3cr3t@example.com/a/b/c?d=/e",
                                       "ws://[::1]:8080/a/",
                                       "wss://example.com?q" };
  const unsigned choice = input_byte(in);
  const char *base = bases[choice & 3];
  struct wsm_url from;
  struct wsm_redirect r;
  struct wsm_error e;
  struct wsm_buffer to;
  memset(&to, 0, sizeof to);
  memset(&r, 0, sizeof r);
  REQUIRE(wsm_url_parse(&from, base, strlen(base), &e));
  r.from = &from;
  r.http = choice & 4;
  r.location = rest_of(in);
  if (wsm_redirect_follow(&r, &to, &e)) check_followed(&r, &to);
  else REQUIRE(wsm_buffer_length(&to) == 0 && e.final);
  /* credentials stay with the first origin */
  if (wsm_buffer_length(&to) && r.changed)
    REQUIRE(!memmem(spans(&to).text, spans(&to).length, secret, 6));
  wsm_buffer_clear(&to);
}

static void check_filter (struct input *in) {
  struct wsm_error e;
  struct wsm_buffer to;
  char *lines = terminated(rest_of(in));
  char *kept;
  memset(&to, 0, sizeof to);
  if (wsm_header_lines_check(lines, strlen(lines), &e)) {
    REQUIRE(wsm_redirect_filter(&to, lines));
    kept = terminated(spans(&to));
    REQUIRE(wsm_header_lines_check(kept, strlen(kept), &e));
    REQUIRE(!wsm_header_lines_have(kept, "Cookie") &&
            !wsm_header_lines_have(kept, "Host"));
    REQUIRE(!wsm_header_lines_have(kept, "Authorization"));
    REQUIRE(!wsm_header_lines_have(kept, "Proxy-Authorization"));
    REQUIRE(wsm_header_lines_have(kept, "X") ==
            wsm_header_lines_have(lines, "X"));
    free(kept);
  }
  free(lines);
  wsm_buffer_clear(&to);
}

/* --- dates --- */

static void check_date (struct input *in) {
  const struct wsm_span input = rest_of(in);
  int64_t date_s, again_s, wait_s = wsm_retry_after(input, NOW_S, 600);
  char text[64];
  struct tm parts;
  time_t moment;
  REQUIRE(wait_s >= -1 && wait_s <= 600);
  if (!wsm_date_parse(input, NOW_S, &date_s)) return;
  moment = (time_t)date_s;
  REQUIRE(gmtime_r(&moment, &parts));
  REQUIRE(wait_s == (date_s <= NOW_S        ? 0
                     : date_s - NOW_S > 600 ? 600
                                            : date_s - NOW_S));
  if (parts.tm_year + 1900 > 9999) return;
  strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  REQUIRE(wsm_date_parse(wsm_span_of(text), NOW_S, &again_s));
  REQUIRE(again_s == date_s);
}

/* --- the environment --- */

static void check_environment (struct input *in) {
  struct wsm_environment env;
  struct wsm_url url;
  struct wsm_error e;
  char *host, *list = terminated(piece(in, input_byte(in)));
  const struct wsm_span text = rest_of(in);
  memset(&env, 0, sizeof env);
  if (wsm_url_parse(&url, text.text, text.length, &e)) {
    const bool excepted = wsm_environment_no_proxy_matches(list, &url);
    env.no_proxy = list;
    env.all_proxy = "proxy";
    REQUIRE((wsm_environment_proxy(&env, &url).length == 0) == excepted);
    host = terminated(url.host);
    /* a name of dots alone is no entry */
    REQUIRE(wsm_environment_no_proxy_matches(host, &url) ||
            !host[strspn(host, ".")]);
    free(host);
  }
  free(list);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  static void (*const checks[])(
    struct input *) = { check_exchange, check_proxy_url, check_redirect,
                        check_filter,   check_date,      check_environment };
  struct input in;
  in.at = data;
  in.left = size;
  /* so that whoever says it has it from us */
  if (memmem(data, size, secret, sizeof secret - 1)) return 0;
  checks[input_byte(&in) % 6](&in);
  REQUIRE(wsm_memory_blocks() == 0);
  return 0;
}
