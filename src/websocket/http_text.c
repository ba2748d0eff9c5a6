#include "websocket/http_text.h"

#include <string.h>
#include "base/hidden.h"

static const char start[] = "HTTP/";
#define START_LENGTH (sizeof start - 1)

/* The first line, as far as it is there. */
static void explain (struct wsm_span text, struct wsm_error *e) {
  const char *end = memchr(text.text, '\r', text.length);
  char quote[WSM_QUOTE_SIZE];
  if (end) text.length = (size_t)(end - text.text);
  wsm_error_set(
    e, WSM_PROTOCOL,
    "the server, or a proxy on the way, sent an HTTP response where "
    "a frame was due: %s",
    wsm_span_quote(quote, text));
}

void wsm_http_text_match (uint8_t *matched, struct wsm_span text,
                          struct wsm_error *e) {
  const size_t before = *matched;
  size_t n = 0;
  while (before + n < START_LENGTH && n < text.length &&
         text.text[n] == start[before + n])
    n++;
  *matched = 0;
  if (before + n == START_LENGTH)
    explain(before > 0 ? wsm_span_of(start) : text, e);
  else if (n == text.length) *matched = (uint8_t)(before + n);
}
