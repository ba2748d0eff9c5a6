#include "proxy/proxy_url.h"

#include <string.h>
#include "base/host_port.h"
#include "http/percent.h"
#include "http/url.h"
#include "http/userinfo.h"
#include "base/hidden.h"

#define FIELD_LIMIT 255 /* bytes of a name or password, RFC 1929 2 */
#define HOST_SHOWN 80   /* bytes of a host in an error */

static const struct {
  const char *scheme;
  int port;
} kinds[] = {
  { "http", 80 }, { "https", 443 }, { "socks5", 1080 }, { "socks5h", 1080 }
};

static bool fail (struct wsm_error *e, const char *why, struct wsm_span s) {
  char quote[WSM_QUOTE_SIZE];
  wsm_error_final(e, WSM_PROXY, "bad proxy %s: %s", wsm_span_quote(quote, s),
                  why);
  return false;
}

/* Where "://" is in s, or -1. */
static long scheme_end (struct wsm_span s) {
  size_t i;
  for (i = 0; i + 3 <= s.length; i++) {
    if (memcmp(s.text + i, "://", 3) == 0) return (long)i;
    if (strchr("/@?", s.text[i])) break;
  }
  return -1;
}

static bool take_scheme (struct wsm_proxy *proxy, struct wsm_span *rest,
                         struct wsm_error *e) {
  const long n = scheme_end(*rest);
  const struct wsm_span scheme = { rest->text, n < 0 ? 0 : (size_t)n };
  size_t kind = 0;
  if (n >= 0) {
    while (kind < sizeof kinds / sizeof *kinds &&
           !wsm_span_is(scheme, kinds[kind].scheme))
      kind++;
    if (kind == sizeof kinds / sizeof *kinds)
      return fail(e, "the scheme must be http, https, socks5 or socks5h",
                  scheme);
    *rest = wsm_span_skip(*rest, scheme.length + 3);
  }
  proxy->kind = (enum wsm_proxy_kind)kind;
  proxy->port = kinds[kind].port;
  return true;
}

/* A raw '@' in a password is common enough: the last one counts. */
static struct wsm_span take_user (struct wsm_span *rest) {
  struct wsm_span user = { rest->text, 0 };
  size_t i;
  for (i = rest->length; i > 0; i--)
    if (rest->text[i - 1] == '@') {
      user.length = i - 1;
      *rest = wsm_span_skip(*rest, i);
      break;
    }
  return user;
}

static bool fits (struct wsm_span s) {
  unsigned char decoded[FIELD_LIMIT];
  return wsm_percent_decode(decoded, sizeof decoded, s) >= 0;
}

static bool check_user (const struct wsm_proxy *proxy, struct wsm_error *e) {
  const struct wsm_span name = wsm_userinfo_name(proxy->user);
  if (proxy->kind < WSM_PROXY_SOCKS5 || proxy->user.length == 0) return true;
  if (name.length == 0) return fail(e, "it has no user name", proxy->host);
  if (fits(name) && fits(wsm_userinfo_password(proxy->user))) return true;
  return fail(e, "SOCKS5 carries names and passwords of up to 255 bytes",
              proxy->host);
}

static bool take_host_port (struct wsm_proxy *proxy, struct wsm_span rest,
                            struct wsm_error *e) {
  struct wsm_url url;
  struct wsm_error why;
  const char *slash = rest.length > 0 ? memchr(rest.text, '/', rest.length)
                                      : NULL;
  if (slash && slash + 1 != rest.text + rest.length)
    return fail(e, "a proxy has no path", rest);
  if (slash) rest.length--;
  memset(&url, 0, sizeof url);
  url.port = proxy->port;
  if (!wsm_url_parse_host_port(&url, rest, &why)) {
    wsm_error_final(e, WSM_PROXY, "the proxy is a %s", why.detail);
    return false;
  }
  proxy->host = url.host;
  proxy->ipv6 = url.ipv6;
  proxy->port = url.port;
  return true;
}

bool wsm_proxy_parse (struct wsm_proxy *proxy, const char *text, size_t n,
                      struct wsm_error *e) {
  struct wsm_span rest = { text, n };
  memset(proxy, 0, sizeof *proxy);
  if (!take_scheme(proxy, &rest, e)) return false;
  proxy->user = take_user(&rest);
  return take_host_port(proxy, rest, e) && check_user(proxy, e);
}

const char *wsm_proxy_name (char to[WSM_PROXY_NAME_SIZE],
                            const struct wsm_proxy *proxy) {
  struct wsm_span host = proxy->host;
  if (host.length > HOST_SHOWN) host.length = HOST_SHOWN;
  wsm_host_port_write(to, WSM_PROXY_NAME_SIZE, host, proxy->port);
  return to;
}
