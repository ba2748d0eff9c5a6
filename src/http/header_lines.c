#include "http/header_lines.h"

#include "http/head.h"
#include "base/hidden.h"

bool wsm_header_is_reserved (struct wsm_span name) {
  static const char prefix[] = "Sec-WebSocket-";
  const struct wsm_span start = { name.text, sizeof prefix - 1 };
  return (name.length >= start.length && wsm_span_is(start, prefix)) ||
         wsm_span_is(name, "Upgrade") || wsm_span_is(name, "Connection") ||
         wsm_span_is(name, "Content-Length") ||
         wsm_span_is(name, "Transfer-Encoding");
}

static bool fail (struct wsm_error *e, const char *why, struct wsm_span text) {
  char quote[WSM_QUOTE_SIZE];
  wsm_error_final(e, WSM_HANDSHAKE, "%s: %s", why, wsm_span_quote(quote, text));
  return false;
}

bool wsm_header_lines_check (const char *lines, size_t n, struct wsm_error *e) {
  struct wsm_span rest = { lines, n };
  struct wsm_header header;
  while (rest.length > 0) {
    const int taken = wsm_header_take(&rest, &header, e);
    if (taken < 0) return false;
    if (taken == 0) return fail(e, "a header without CRLF at its end", rest);
    if (taken == 2) {
      wsm_error_final(e, WSM_HANDSHAKE, "an empty line among the headers");
      return false;
    }
    if (wsm_header_is_reserved(header.name))
      return fail(e, "the handshake sets this header itself", header.name);
  }
  return true;
}

bool wsm_header_lines_have (const char *lines, const char *name) {
  struct wsm_span rest = wsm_span_of(lines);
  struct wsm_header header;
  struct wsm_error ignored;
  while (wsm_header_take(&rest, &header, &ignored) == 1)
    if (wsm_span_is(header.name, name)) return true;
  return false;
}
