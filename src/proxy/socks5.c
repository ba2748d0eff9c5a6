#include <string.h>
#include "proxy/proxy_handshake_internal.h"
#include "http/ip.h"
#include "http/userinfo.h"

#define VERSION 5
#define AUTH_VERSION 1 /* RFC 1929 */
#define FIELD_LIMIT 255

enum phase { METHOD, AUTH, REPLY };

enum method { NO_AUTH = 0, USER_PASSWORD = 2, NO_METHOD = 0xFF };

enum address { IPV4 = 1, NAME = 3, IPV6 = 4 };

/* RFC 1928 section 6 */
static const struct {
  const char *said;
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

static enum wsm_proxy_handshake_status
refuse_finally (const struct wsm_proxy_handshake *x, struct wsm_error *e,
                const char *said) {
  wsm_proxy_handshake_refuse(x, e, "%s", said);
  e->final = true;
  return WSM_PROXY_HANDSHAKE_FAILED;
}

/* Appends n bytes as SOCKS5 counts them: the length in one byte first. */
static bool write_counted (struct wsm_buffer *to, const void *bytes, size_t n) {
  const unsigned char count = (unsigned char)n;
  return wsm_buffer_append(to, &count, 1) && wsm_buffer_append(to, bytes, n);
}

/* --- greeting: RFC 1928 section 3 --- */

bool wsm_socks5_start (struct wsm_proxy_handshake *x, struct wsm_buffer *out,
                       struct wsm_error *e) {
  static const unsigned char plain[] = { VERSION, 1, NO_AUTH };
  static const unsigned char user[] = { VERSION, 2, NO_AUTH, USER_PASSWORD };
  const bool known = x->proxy->user.length > 0;
  x->phase = METHOD;
  if (x->host.length > FIELD_LIMIT) {
    refuse_finally(x, e, "takes host names of up to 255 bytes");
    return false;
  }
  if (wsm_buffer_append(out, known ? user : plain,
                        known ? sizeof user : sizeof plain))
    return true;
  wsm_proxy_handshake_starve(x, e);
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

static bool write_request (struct wsm_buffer *to,
                           const struct wsm_proxy_handshake *x) {
  static const unsigned char connect[] = { VERSION, 1, 0 };
  const unsigned char port[] = { (unsigned char)(x->port >> 8),
                                 (unsigned char)x->port };
  return wsm_buffer_append(to, connect, sizeof connect) &&
         write_address(to, x->host) && wsm_buffer_append(to, port, sizeof port);
}

static enum wsm_proxy_handshake_status request (struct wsm_proxy_handshake *x,
                                                struct wsm_buffer *out,
                                                struct wsm_error *e) {
  x->phase = REPLY;
  if (!write_request(out, x)) return wsm_proxy_handshake_starve(x, e);
  return WSM_PROXY_HANDSHAKE_MORE;
}

/* --- user and password: RFC 1929 section 2 --- */

static bool write_field (struct wsm_buffer *to, struct wsm_span s) {
  unsigned char decoded[FIELD_LIMIT];
  const long n = wsm_userinfo_decode(decoded, sizeof decoded, s);
  return n >= 0 && write_counted(to, decoded, (size_t)n);
}

static enum wsm_proxy_handshake_status
authenticate (struct wsm_proxy_handshake *x, struct wsm_buffer *out,
              struct wsm_error *e) {
  const unsigned char version = AUTH_VERSION;
  const struct wsm_span user = x->proxy->user;
  x->phase = AUTH;
  if (wsm_buffer_append(out, &version, 1) &&
      write_field(out, wsm_userinfo_name(user)) &&
      write_field(out, wsm_userinfo_password(user)))
    return WSM_PROXY_HANDSHAKE_MORE;
  return wsm_proxy_handshake_starve(x, e);
}

/* --- answers --- */

static enum wsm_proxy_handshake_status
refuse_version (const struct wsm_proxy_handshake *x, struct wsm_error *e,
                unsigned char version) {
  wsm_proxy_handshake_refuse(x, e,
                             "does not speak SOCKS5: its answer begins with "
                             "byte 0x%02X%s",
                             version,
                             version == 'H' ? " (is it an HTTP proxy?)" : "");
  e->final = true;
  return WSM_PROXY_HANDSHAKE_FAILED;
}

/* A proxy waits for the next question. */
static enum wsm_proxy_handshake_status
check_patience (const struct wsm_proxy_handshake *x,
                const struct wsm_buffer *in, struct wsm_error *e) {
  if (wsm_buffer_length(in) == 0) return WSM_PROXY_HANDSHAKE_OPEN;
  return refuse_finally(x, e, "answers in SOCKS5 before it is asked");
}

static enum wsm_proxy_handshake_status
refuse_method (const struct wsm_proxy_handshake *x, struct wsm_error *e,
               unsigned char method) {
  const bool known = x->proxy->user.length > 0;
  if (method == NO_METHOD)
    return refuse_finally(x, e,
                          known ? "takes neither a user and password nor none"
                                : "does not let one in without a user and "
                                  "password");
  wsm_proxy_handshake_refuse(x, e,
                             "chose the SOCKS5 method 0x%02X, which was not "
                             "offered",
                             method);
  e->final = true;
  return WSM_PROXY_HANDSHAKE_FAILED;
}

static enum wsm_proxy_handshake_status
read_method (struct wsm_proxy_handshake *x, struct wsm_buffer *in,
             struct wsm_buffer *out, struct wsm_error *e) {
  const unsigned char method = wsm_buffer_bytes(in)[1];
  const bool known = x->proxy->user.length > 0;
  if (method != NO_AUTH && !(known && method == USER_PASSWORD))
    return refuse_method(x, e, method);
  wsm_buffer_consume(in, 2);
  if (check_patience(x, in, e) == WSM_PROXY_HANDSHAKE_FAILED)
    return WSM_PROXY_HANDSHAKE_FAILED;
  return method == NO_AUTH ? request(x, out, e) : authenticate(x, out, e);
}

static enum wsm_proxy_handshake_status read_auth (struct wsm_proxy_handshake *x,
                                                  struct wsm_buffer *in,
                                                  struct wsm_buffer *out,
                                                  struct wsm_error *e) {
  if (wsm_buffer_bytes(in)[1] != 0)
    return refuse_finally(x, e, "does not take this user and password");
  wsm_buffer_consume(in, 2);
  if (check_patience(x, in, e) == WSM_PROXY_HANDSHAKE_FAILED)
    return WSM_PROXY_HANDSHAKE_FAILED;
  return request(x, out, e);
}

static enum wsm_proxy_handshake_status
refuse_reply (const struct wsm_proxy_handshake *x, struct wsm_error *e,
              unsigned char code) {
  const bool known = code < sizeof replies / sizeof *replies;
  char target[WSM_PROXY_PLACE];
  wsm_proxy_handshake_refuse(x, e, "answered 0x%02X, %s, for %s", code,
                             known ? replies[code].said
                                   : "a code SOCKS5 has not",
                             wsm_proxy_handshake_target(target, x));
  e->final = known && replies[code].final;
  return WSM_PROXY_HANDSHAKE_FAILED;
}

/* How long a reply is that begins with these n bytes (4 or more); 0: that
** cannot be said yet; -1: its address is of no known type. */
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

/* A refusal may be shorter than a reply is: its code is enough. */
static enum wsm_proxy_handshake_status
read_reply (struct wsm_proxy_handshake *x, struct wsm_buffer *in,
            struct wsm_error *e) {
  const unsigned char *bytes = wsm_buffer_bytes(in);
  const size_t n = wsm_buffer_length(in);
  long length;
  if (bytes[1] != 0) return refuse_reply(x, e, bytes[1]);
  if (n < 4) return WSM_PROXY_HANDSHAKE_MORE;
  length = reply_length(bytes, n);
  if (length < 0) {
    wsm_proxy_handshake_refuse(x, e,
                               "answered with an address of the type 0x%02X, "
                               "which SOCKS5 has not",
                               bytes[3]);
    e->final = true;
    return WSM_PROXY_HANDSHAKE_FAILED;
  }
  if (length == 0 || n < (size_t)length) return WSM_PROXY_HANDSHAKE_MORE;
  wsm_buffer_consume(in, (size_t)length);
  return WSM_PROXY_HANDSHAKE_OPEN;
}

enum wsm_proxy_handshake_status wsm_socks5_read (struct wsm_proxy_handshake *x,
                                                 struct wsm_buffer *in,
                                                 struct wsm_buffer *out,
                                                 struct wsm_error *e) {
  const unsigned char *bytes = wsm_buffer_bytes(in);
  const size_t n = wsm_buffer_length(in);
  if (n == 0) return WSM_PROXY_HANDSHAKE_MORE;
  if (bytes[0] != (x->phase == AUTH ? AUTH_VERSION : VERSION))
    return refuse_version(x, e, bytes[0]);
  if (n < 2) return WSM_PROXY_HANDSHAKE_MORE;
  switch (x->phase) {
    case METHOD:
      return read_method(x, in, out, e);
    case AUTH:
      return read_auth(x, in, out, e);
    default:
      return read_reply(x, in, e);
  }
}
