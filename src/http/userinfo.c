#include "http/userinfo.h"

#include <openssl/evp.h>
#include <string.h>
#include "http/percent.h"
#include "http/writer.h"
#include "base/hidden.h"

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

/* RFC 7617: a colon even if the URL has none. The decoded text is written
** behind the room for its base64. */
static bool write_credentials (struct wsm_buffer *to, struct wsm_span user) {
  const size_t room = (user.length + 3) / 3 * 4 + 1;
  unsigned char *const at = wsm_buffer_reserve(to, room + user.length + 1);
  size_t n;
  if (!at) return false;
  n = (size_t)wsm_percent_decode(at + room, user.length, user);
  if (!memchr(user.text, ':', user.length)) at[room + n++] = ':';
  wsm_buffer_commit(to, (size_t)EVP_EncodeBlock(at, at + room, (int)n));
  return true;
}

bool wsm_userinfo_basic (struct wsm_buffer *to, const char *name,
                         struct wsm_span user) {
  return wsm_write_text(to, name) && wsm_write_text(to, ": Basic ") &&
         write_credentials(to, user) && wsm_write_text(to, "\r\n");
}
