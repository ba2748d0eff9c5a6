#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/hidden.h"

static const char *const names[] = {
  "",        "timeout", "closed", "full",      "refused",
  "resolve", "tls",     "proxy",  "handshake", "protocol",
  "toobig",  "codec",   "login",  "locked",    "exhausted",
};

const char *wsm_token_name (enum wsm_token token) {
  return names[token];
}

/* A UTF-8 character that was cut: its lead byte is near the end, and tells how
** many bytes follow it. */
void wsm_error_trim (char *text) {
  size_t n = strlen(text), lead = n;
  unsigned char first;
  while (lead > 0 && n - lead < 4 &&
         ((unsigned char)text[lead - 1] & 0xC0) == 0x80)
    lead--;
  if (lead == 0) return;
  first = (unsigned char)text[lead - 1];
  if (first < 0xC0) return;
  if (n - lead < (first < 0xE0 ? 1u : first < 0xF0 ? 2u : 3u))
    text[lead - 1] = '\0';
}

static void set (struct wsm_error *e, enum wsm_token token, const char *format,
                 va_list args) {
  e->token = token;
  if (vsnprintf(e->detail, sizeof e->detail, format, args) >=
      (int)sizeof e->detail)
    wsm_error_trim(e->detail);
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
