#include "http/status.h"

#include <stddef.h>
#include "base/hidden.h"

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

bool wsm_status_is_transient (int status) {
  return status / 100 == 5 || status == 408 || status == 425 || status == 429;
}

bool wsm_status_is_client_error (int status) {
  return status / 100 == 4;
}

bool wsm_status_is_redirect (int status) {
  return (status >= 301 && status <= 303) || status == 307 || status == 308;
}
