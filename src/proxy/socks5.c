#include "proxy/socks5.h"

#include "http/ip.h"
#include "http/percent.h"
#include "http/userinfo.h"
#include "proxy/proxy_error.h"
#include "base/hidden.h"

#define VERSION 5
#define AUTH_VERSION 1 /* RFC 1929 */
#define FIELD_LIMIT 255

/* What the proxy sends next. */
enum step { METHOD, AUTH, REPLY };

enum method { NO_AUTH = 0, USER_PASSWORD = 2, NO_METHOD = 0xFF };

enum address { IPV4 = 1, NAME = 3, IPV6 = 4 };

/* RFC 1928 section 6 */
static const struct {
  const char *meaning;
  bool final;
} replies[] = {
  { "succeeded", false },
  { "general SOCKS server failure", false },
  { "connection not allowed by ruleset", true },
  { "network unreachable", false },
  { "host unreachable", false },
  { "connection refused", false },
  { "TTL expired", false },
  { "command not supported", true },
  { "address type not supported", true },
};

static bool has_user (const struct wsm_proxy_handshake *x) {
  return x->proxy->user.length > 0;
}

/* Appends n bytes as SOCKS5 counts them: the length in one byte first. */
static bool write_counted (struct wsm_buffer *to, const void *bytes, size_t n) {
  const unsigned char count = (unsigned char)n;
  return wsm_buffer_append(to, &count, 1) && wsm_buffer_append(to, bytes, n);
}

/* --- methods: RFC 1928 section 3 --- */

bool wsm_socks5_start (struct wsm_proxy_handshake *x, struct wsm_buffer *out,
                       struct wsm_error *e) {
  static const unsigned char plain[] = { VERSION, 1, NO_AUTH };
  static const unsigned char user[] = { VERSION, 2, NO_AUTH, USER_PASSWORD };
  x->socks_step = METHOD;
  if (x->host.length > FIELD_LIMIT) {
    wsm_proxy_error_final(x, e, "takes host names of up to 255 bytes");
    return false;
  }
  if (wsm_buffer_append(out, has_user(x) ? user : plain,
                        has_user(x) ? sizeof user : sizeof plain))
    return true;
  wsm_proxy_error_memory(x, e);
  return false;
}

/* --- request: RFC 1928 sections 4 and 5 --- */

static bool write_address (struct wsm_buffer *to, struct wsm_span host) {
  struct wsm_ip ip;
  unsigned char type = NAME;
  if (wsm_ip_parse(&ip, host)) {
    type = ip.length == 4 ? IPV4 : IPV6;
    return wsm_buffer_append(to, &type, 1) &&
           wsm_buffer_append(to, ip.bytes, ip.length);
  }
  return wsm_buffer_append(to, &type, 1) &&
         write_counted(to, host.text, host.length);
}

static enum wsm_proxy_handshake_status
write_request (struct wsm_proxy_handshake *x, struct wsm_buffer *out,
               struct wsm_error *e) {
  static const unsigned char connect[] = { VERSION, 1, 0 };
  const unsigned char port[] = { (unsigned char)(x->port >> 8),
                                 (unsigned char)x->port };
  x->socks_step = REPLY;
  if (wsm_buffer_append(out, connect, sizeof connect) &&
      write_address(out, x->host) && wsm_buffer_append(out, port, sizeof port))
    return WSM_PROXY_HANDSHAKE_MORE;
  return wsm_proxy_error_memory(x, e);
}

/* --- user and password: RFC 1929 section 2 --- */

static bool write_field (struct wsm_buffer *to, struct wsm_span s) {
  unsigned char decoded[FIELD_LIMIT];
  const long n = wsm_percent_decode(decoded, sizeof decoded, s);
  return n >= 0 && write_counted(to, decoded, (size_t)n);
}

static enum wsm_proxy_handshake_status
write_user (struct wsm_proxy_handshake *x, struct wsm_buffer *out,
            struct wsm_error *e) {
  const unsigned char version = AUTH_VERSION;
  const struct wsm_span user = x->proxy->user;
  x->socks_step = AUTH;
  if (wsm_buffer_append(out, &version, 1) &&
      write_field(out, wsm_userinfo_name(user)) &&
      write_field(out, wsm_userinfo_password(user)))
    return WSM_PROXY_HANDSHAKE_MORE;
  return wsm_proxy_error_memory(x, e);
}

/* The proxy sends one response to each request. */
static bool has_extra_bytes (const struct wsm_proxy_handshake *x,
                             const struct wsm_buffer *in, struct wsm_error *e) {
  if (wsm_buffer_length(in) == 0) return false;
  wsm_proxy_error_final(x, e, "answers in SOCKS5 before it is asked");
  return true;
}

static enum wsm_proxy_handshake_status read_auth (struct wsm_proxy_handshake *x,
                                                  struct wsm_buffer *in,
                                                  struct wsm_buffer *out,
                                                  struct wsm_error *e) {
  if (wsm_buffer_bytes(in)[1] != 0)
    return wsm_proxy_error_final(x, e, "does not take this user and password");
  wsm_buffer_consume(in, 2);
  if (has_extra_bytes(x, in, e)) return WSM_PROXY_HANDSHAKE_FAILED;
  return write_request(x, out, e);
}

/* --- the chosen method: RFC 1928 section 3 --- */

static enum wsm_proxy_handshake_status
fail_method (const struct wsm_proxy_handshake *x, struct wsm_error *e,
             unsigned char method) {
  if (method != NO_METHOD)
    return wsm_proxy_error_final(x, e,
                                 "chose the SOCKS5 method 0x%02X, which was "
                                 "not offered",
                                 method);
  if (has_user(x))
    return wsm_proxy_error_final(
      x, e, "accepts none of the offered authentication methods");
  return wsm_proxy_error_final(
    x, e, "does not let one in without a user and password");
}

static enum wsm_proxy_handshake_status
read_method (struct wsm_proxy_handshake *x, struct wsm_buffer *in,
             struct wsm_buffer *out, struct wsm_error *e) {
  const unsigned char method = wsm_buffer_bytes(in)[1];
  if (method != NO_AUTH && !(has_user(x) && method == USER_PASSWORD))
    return fail_method(x, e, method);
  wsm_buffer_consume(in, 2);
  if (has_extra_bytes(x, in, e)) return WSM_PROXY_HANDSHAKE_FAILED;
  return method == NO_AUTH ? write_request(x, out, e) : write_user(x, out, e);
}

/* --- reply: RFC 1928 section 6 --- */

static enum wsm_proxy_handshake_status
fail_reply (const struct wsm_proxy_handshake *x, struct wsm_error *e,
            unsigned char code) {
  const bool known = code < sizeof replies / sizeof *replies;
  char target[WSM_PROXY_NAME_SIZE];
  wsm_proxy_error(x, e, "answered 0x%02X, %s, for %s", code,
                  known ? replies[code].meaning : "an unknown reply code",
                  wsm_proxy_error_target(target, x));
  e->final = known && replies[code].final;
  return WSM_PROXY_HANDSHAKE_FAILED;
}

/* The length of a reply that begins with these n bytes (4 or more); 0: more
** are needed; -1: its address type is unknown. */
static long reply_length (const unsigned char *bytes, size_t n) {
  switch (bytes[3]) {
    case IPV4:
      return 4 + 4 + 2;
    case IPV6:
      return 4 + 16 + 2;
    case NAME:
      return n < 5 ? 0 : 4 + 1 + bytes[4] + 2;
    default:
      return -1;
  }
}

/* Proxies cut a reply short that is an error: its code is enough. */
static enum wsm_proxy_handshake_status
read_reply (struct wsm_proxy_handshake *x, struct wsm_buffer *in,
            struct wsm_error *e) {
  const unsigned char *bytes = wsm_buffer_bytes(in);
  const size_t n = wsm_buffer_length(in);
  long length;
  if (bytes[1] != 0) return fail_reply(x, e, bytes[1]);
  if (n < 4) return WSM_PROXY_HANDSHAKE_MORE;
  length = reply_length(bytes, n);
  if (length < 0)
    return wsm_proxy_error_final(x, e,
                                 "answered with an address of the unknown "
                                 "type 0x%02X",
                                 bytes[3]);
  if (length == 0 || n < (size_t)length) return WSM_PROXY_HANDSHAKE_MORE;
  wsm_buffer_consume(in, (size_t)length);
  return WSM_PROXY_HANDSHAKE_OPEN;
}

/* --- all three --- */

static enum wsm_proxy_handshake_status
fail_version (const struct wsm_proxy_handshake *x, struct wsm_error *e,
              unsigned char version) {
  return wsm_proxy_error_final(
    x, e, "does not speak SOCKS5: its answer begins with byte 0x%02X%s",
    version, version == 'H' ? " (is it an HTTP proxy?)" : "");
}

enum wsm_proxy_handshake_status wsm_socks5_read (struct wsm_proxy_handshake *x,
                                                 struct wsm_buffer *in,
                                                 struct wsm_buffer *out,
                                                 struct wsm_error *e) {
  const unsigned char *bytes = wsm_buffer_bytes(in);
  const size_t n = wsm_buffer_length(in);
  if (n == 0) return WSM_PROXY_HANDSHAKE_MORE;
  if (bytes[0] != (x->socks_step == AUTH ? AUTH_VERSION : VERSION))
    return fail_version(x, e, bytes[0]);
  if (n < 2) return WSM_PROXY_HANDSHAKE_MORE;
  switch (x->socks_step) {
    case METHOD:
      return read_method(x, in, out, e);
    case AUTH:
      return read_auth(x, in, out, e);
    default:
      return read_reply(x, in, e);
  }
}
