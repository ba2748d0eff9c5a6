#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include "base/hidden.h"

static const char *const names[] = {
  "",        "timeout", "closed", "full",      "refused",
  "resolve", "tls",     "proxy",  "handshake", "protocol",
  "toobig",  "codec",   "login",  "locked",    "exhausted",
};

const char *wsm_token_name (enum wsm_token token) {
  return names[token];
}

static void set (struct wsm_error *e, enum wsm_token token, const char *format,
                 va_list args) {
  e->token = token;
  vsnprintf(e->detail, sizeof e->detail, format, args);
}

void wsm_error_set (struct wsm_error *e, enum wsm_token token,
                    const char *format, ...) {
  va_list args;
  va_start(args, format);
  set(e, token, format, args);
  va_end(args);
  e->final = false;
}

void wsm_error_final (struct wsm_error *e, enum wsm_token token,
                      const char *format, ...) {
  va_list args;
  va_start(args, format);
  set(e, token, format, args);
  va_end(args);
  e->final = true;
}
