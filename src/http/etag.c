#include "http/etag.h"

#include <openssl/sha.h>
#include <string.h>
#include "base/hidden.h"

void wsm_etag_write (char to[WSM_ETAG_SIZE], const void *bytes, size_t n) {
  static const char hex[] = "0123456789abcdef";
  unsigned char digest[SHA_DIGEST_LENGTH];
  char *at = to;
  size_t i;
  SHA1(bytes, n, digest);
  *at++ = '"';
  for (i = 0; i < sizeof digest; i++) {
    *at++ = hex[digest[i] >> 4];
    *at++ = hex[digest[i] & 15];
  }
  *at++ = '"';
  *at = '\0';
}

static bool is_between (char c) {
  return c == ' ' || c == '\t' || c == ',';
}

static struct wsm_span without_weak (struct wsm_span tag) {
  const bool weak = tag.length > 2 && memcmp(tag.text, "W/", 2) == 0;
  return weak ? wsm_span_skip(tag, 2) : tag;
}

/* Takes a tag, quotes and all, off the front. false: there is none. */
static bool take_tag (struct wsm_span *list, struct wsm_span *tag) {
  const char *end;
  while (list->length > 0 && is_between(*list->text))
    *list = wsm_span_skip(*list, 1);
  *list = without_weak(*list);
  if (list->length < 2 || *list->text != '"') return false;
  end = memchr(list->text + 1, '"', list->length - 1);
  if (!end) return false;
  tag->text = list->text;
  tag->length = (size_t)(end - list->text) + 1;
  *list = wsm_span_skip(*list, tag->length);
  return true;
}

bool wsm_etag_matches (struct wsm_span list, struct wsm_span tag) {
  const struct wsm_span wanted = without_weak(tag);
  struct wsm_span one;
  if (wsm_span_equals(wsm_span_trim(list), wsm_span_of("*"))) return true;
  while (take_tag(&list, &one))
    if (wsm_span_equals(one, wanted)) return true;
  return false;
}
