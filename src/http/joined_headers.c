#include "http/joined_headers.h"

#include "base/hidden.h"

const char *wsm_joined_separator (struct wsm_span name) {
  if (wsm_span_is(name, "Set-Cookie")) return "\n";
  return wsm_span_is(name, "Cookie") ? "; " : ", ";
}
