#include "http/server_response.h"

#include <stdio.h>
#include "http/body.h"
#include "http/date.h"
#include "http/header_lines.h"
#include "http/status.h"
#include "http/writer.h"
#include "base/hidden.h"

static bool write_status (struct wsm_buffer *to, int status) {
  char line[32];
  snprintf(line, sizeof line, "HTTP/1.1 %d ", status);
  return wsm_write_text(to, line) &&
         wsm_write_text(to, wsm_status_text(status)) &&
         wsm_write_text(to, "\r\n");
}

static bool write_date (struct wsm_buffer *to, const struct wsm_response *r) {
  char date[WSM_DATE_SIZE];
  if (r->date_s <= 0 || wsm_header_lines_have(r->headers, "Date")) return true;
  wsm_date_write(date, r->date_s);
  return wsm_write_header(to, "Date", date);
}

/* Headers that a status requires (RFC 9110 7.8, 15.5.6; RFC 6455 4.4). */
static bool write_required (struct wsm_buffer *to,
                            const struct wsm_response *r) {
  if (!wsm_write_text(to, r->persistent ? "Connection: keep-alive"
                                        : "Connection: close"))
    return false;
  if (r->status == 426)
    return wsm_write_text(to, ", Upgrade\r\n"
                              "Upgrade: websocket\r\n"
                              "Sec-WebSocket-Version: 13\r\n");
  if (!wsm_write_text(to, "\r\n")) return false;
  return r->status != 405 || wsm_header_lines_have(r->headers, "Allow") ||
         wsm_write_header(to, "Allow", "GET");
}

static bool write_body_headers (struct wsm_buffer *to,
                                const struct wsm_response *r) {
  char length[32];
  if (!wsm_body_is_allowed(r->status)) return true;
  snprintf(length, sizeof length, "%lu", (unsigned long)r->length);
  if (!wsm_write_header(to, "Content-Length", length)) return false;
  return r->length == 0 || wsm_header_lines_have(r->headers, "Content-Type") ||
         wsm_write_header(to, "Content-Type", "text/plain; charset=utf-8");
}

static bool write_all (struct wsm_buffer *to, const struct wsm_response *r) {
  return write_status(to, r->status) && write_date(to, r) &&
         write_required(to, r) && write_body_headers(to, r) &&
         wsm_write_text(to, r->headers) && wsm_write_text(to, "\r\n") &&
         (r->head_only || !wsm_body_is_allowed(r->status) ||
          wsm_buffer_append(to, r->body, r->length));
}

bool wsm_response_write (struct wsm_buffer *to, const struct wsm_response *r) {
  const size_t length = wsm_buffer_length(to);
  return wsm_write_commit_or_rollback(to, length, write_all(to, r));
}
