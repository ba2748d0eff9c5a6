#include <string.h>
#include <openssl/evp.h>
#include "http/userinfo.h"
#include "http/header_lines.h"

static int hex_value (char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* The byte at the front of s, as 1 or 3 of its characters. */
static size_t decode (unsigned char *byte, struct wsm_span s) {
  const bool room = s.text[0] == '%' && s.length > 2;
  const int high = room ? hex_value(s.text[1]) : -1;
  const int low = room ? hex_value(s.text[2]) : -1;
  const bool escape = high >= 0 && low >= 0;
  *byte = (unsigned char)(escape ? high << 4 | low : s.text[0]);
  return escape ? 3 : 1;
}

long wsm_userinfo_decode (unsigned char *to, size_t room, struct wsm_span s) {
  size_t n = 0;
  while (s.length > 0) {
    unsigned char byte;
    const size_t taken = decode(&byte, s);
    if (n == room) return -1;
    to[n++] = byte;
    s.text += taken;
    s.length -= taken;
  }
  return (long)n;
}

struct wsm_span wsm_userinfo_name (struct wsm_span user) {
  const char *colon = user.length > 0 ? memchr(user.text, ':', user.length)
                                      : NULL;
  if (colon) user.length = (size_t)(colon - user.text);
  return user;
}

struct wsm_span wsm_userinfo_password (struct wsm_span user) {
  const size_t name = wsm_userinfo_name(user).length;
  const size_t passed = name < user.length ? name + 1 : name;
  user.text += passed;
  user.length -= passed;
  return user;
}

/* RFC 7617: the colon is there even if the URL has none. The decoded text
** stands behind the place where its base64 goes. */
static bool write_credentials (struct wsm_buffer *to, struct wsm_span user) {
  const size_t room = (user.length + 3) / 3 * 4 + 1;
  unsigned char *const at = wsm_buffer_reserve(to, room + user.length + 1);
  size_t n;
  if (!at) return false;
  n = (size_t)wsm_userinfo_decode(at + room, user.length, user);
  if (!memchr(user.text, ':', user.length)) at[room + n++] = ':';
  wsm_buffer_commit(to, (size_t)EVP_EncodeBlock(at, at + room, (int)n));
  return true;
}

bool wsm_userinfo_basic (struct wsm_buffer *to, const char *name,
                         struct wsm_span user) {
  return wsm_write_text(to, name) && wsm_write_text(to, ": Basic ") &&
         write_credentials(to, user) && wsm_write_text(to, "\r\n");
}
