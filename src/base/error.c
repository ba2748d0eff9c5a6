#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const names[] = {
  "",      "timeout",   "closed",   "full",   "refused", "resolve", "tls",
  "proxy", "handshake", "protocol", "toobig", "codec",   "locked",  "exhausted",
};

const char *wsm_token_name (enum wsm_token token) {
  return names[token];
}

void wsm_error_set (struct wsm_error *e, enum wsm_token token,
                    const char *format, ...) {
  va_list args;
  e->token = token;
  e->final = false;
  va_start(args, format);
  vsnprintf(e->detail, sizeof e->detail, format, args);
  va_end(args);
}
