#include <stdio.h>
#include "http/response.h"
#include "http/header_lines.h"

static const struct {
  int status;
  const char *text;
} statuses[] = { { 101, "Switching Protocols" },
                 { 200, "OK" },
                 { 201, "Created" },
                 { 202, "Accepted" },
                 { 204, "No Content" },
                 { 206, "Partial Content" },
                 { 301, "Moved Permanently" },
                 { 302, "Found" },
                 { 303, "See Other" },
                 { 304, "Not Modified" },
                 { 307, "Temporary Redirect" },
                 { 308, "Permanent Redirect" },
                 { 400, "Bad Request" },
                 { 401, "Unauthorized" },
                 { 402, "Payment Required" },
                 { 403, "Forbidden" },
                 { 404, "Not Found" },
                 { 405, "Method Not Allowed" },
                 { 406, "Not Acceptable" },
                 { 407, "Proxy Authentication Required" },
                 { 408, "Request Timeout" },
                 { 409, "Conflict" },
                 { 410, "Gone" },
                 { 411, "Length Required" },
                 { 412, "Precondition Failed" },
                 { 413, "Content Too Large" },
                 { 414, "URI Too Long" },
                 { 415, "Unsupported Media Type" },
                 { 417, "Expectation Failed" },
                 { 421, "Misdirected Request" },
                 { 422, "Unprocessable Content" },
                 { 425, "Too Early" },
                 { 426, "Upgrade Required" },
                 { 428, "Precondition Required" },
                 { 429, "Too Many Requests" },
                 { 431, "Request Header Fields Too Large" },
                 { 451, "Unavailable For Legal Reasons" },
                 { 500, "Internal Server Error" },
                 { 501, "Not Implemented" },
                 { 502, "Bad Gateway" },
                 { 503, "Service Unavailable" },
                 { 504, "Gateway Timeout" },
                 { 505, "HTTP Version Not Supported" } };

const char *wsm_status_text (int status) {
  size_t i;
  for (i = 0; i < sizeof statuses / sizeof *statuses; i++)
    if (statuses[i].status == status) return statuses[i].text;
  return "";
}

static bool write_status (struct wsm_buffer *to, int status) {
  char line[32];
  snprintf(line, sizeof line, "HTTP/1.1 %d ", status);
  return wsm_write_text(to, line) &&
         wsm_write_text(to, wsm_status_text(status)) &&
         wsm_write_text(to, "\r\n");
}

/* What a status owes its reader (RFC 9110 7.8, 15.5.6; RFC 6455 4.4). */
static bool write_duties (struct wsm_buffer *to, const struct wsm_response *r) {
  if (r->status == 426)
    return wsm_write_text(to, "Connection: close, Upgrade\r\n"
                              "Upgrade: websocket\r\n"
                              "Sec-WebSocket-Version: 13\r\n");
  if (!wsm_write_text(to, "Connection: close\r\n")) return false;
  return r->status != 405 || wsm_header_lines_have(r->headers, "Allow") ||
         wsm_write_header(to, "Allow", "GET");
}

static bool has_body (int status) {
  return status >= 200 && status != 204 && status != 304;
}

static bool write_body_headers (struct wsm_buffer *to,
                                const struct wsm_response *r) {
  char length[32];
  if (!has_body(r->status)) return true;
  snprintf(length, sizeof length, "%lu", (unsigned long)r->length);
  if (!wsm_write_header(to, "Content-Length", length)) return false;
  return r->length == 0 || wsm_header_lines_have(r->headers, "Content-Type") ||
         wsm_write_header(to, "Content-Type", "text/plain; charset=utf-8");
}

static bool write_reply (struct wsm_buffer *to, const struct wsm_response *r) {
  return write_status(to, r->status) && write_duties(to, r) &&
         write_body_headers(to, r) && wsm_write_text(to, r->headers) &&
         wsm_write_text(to, "\r\n") &&
         (r->head_only || !has_body(r->status) ||
          wsm_buffer_append(to, r->body, r->length));
}

bool wsm_response_write (struct wsm_buffer *to,
                         const struct wsm_response *reply) {
  const size_t length = wsm_buffer_length(to);
  return wsm_write_settle(to, length, write_reply(to, reply));
}
