#include "http/body.h"

#include "base/ascii.h"
#include "base/hidden.h"

size_t wsm_body_length (const struct wsm_head *head, size_t limit) {
  const struct wsm_header *h = wsm_head_find(head, "Content-Length");
  size_t i, length = 0;
  if (!h || h->value.length == 0) return limit;
  for (i = 0; i < h->value.length; i++) {
    const char c = h->value.text[i];
    if (!wsm_is_digit(c)) return limit;
    if (length < limit) length = length * 10 + (size_t)(c - '0');
  }
  return length < limit ? length : limit;
}

bool wsm_body_is_announced (const struct wsm_head *head) {
  const struct wsm_header *h = NULL;
  if (wsm_head_find(head, "Transfer-Encoding")) return true;
  while ((h = wsm_head_next(head, "Content-Length", h)) != NULL)
    if (!wsm_span_is(h->value, "0")) return true;
  return false;
}

bool wsm_body_is_allowed (int status) {
  return status >= 200 && status != 204 && status != 304;
}
