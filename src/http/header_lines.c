#include <string.h>
#include "http/header_lines.h"

bool wsm_write_text (struct wsm_buffer *to, const char *text) {
  return !text || wsm_buffer_append(to, text, strlen(text));
}

bool wsm_write_span (struct wsm_buffer *to, struct wsm_span s) {
  return wsm_buffer_append(to, s.text, s.length);
}

bool wsm_write_header (struct wsm_buffer *to, const char *name,
                       const char *value) {
  if (!value || !*value) return true;
  return wsm_write_text(to, name) && wsm_write_text(to, ": ") &&
         wsm_write_text(to, value) && wsm_write_text(to, "\r\n");
}

bool wsm_write_settle (struct wsm_buffer *to, size_t length, bool written) {
  if (written) return true;
  to->end = to->start + length;
  if (length == 0 && to->data) wsm_buffer_clear(to);
  return false;
}

bool wsm_header_lines_have (const char *lines, const char *name) {
  struct wsm_span rest = wsm_span_of(lines);
  struct wsm_header header;
  struct wsm_error ignored;
  while (wsm_header_take(&rest, &header, &ignored) == 1)
    if (wsm_span_is(header.name, name)) return true;
  return false;
}
