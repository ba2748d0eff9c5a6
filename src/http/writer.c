#include "http/writer.h"

#include <string.h>
#include "base/hidden.h"

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

bool wsm_write_commit_or_rollback (struct wsm_buffer *to, size_t length,
                                   bool written) {
  if (written) return true;
  to->end = to->start + length;
  if (length == 0 && to->data) wsm_buffer_clear(to);
  return false;
}
