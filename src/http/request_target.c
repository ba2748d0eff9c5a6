#include "http/request_target.h"

#include <string.h>
#include "base/ascii.h"
#include "base/hidden.h"

static const char bad_target[] = "the request's target is none";
static const char bad_host[] = "Host is no host";

/* RFC 3986 3.2.2: what a name, or what is in brackets, is made of. A '%' may be
** of percent-encoding or of a zone. */
static bool is_host (char c) {
  return wsm_is_digit(c) || wsm_is_letter(c) || strchr("-._~%!$&'()*+,;=", c);
}

static bool is_ip (char c) {
  return is_host(c) || c == ':';
}

/* Skips what is of that kind. */
static struct wsm_span skip (struct wsm_span s, bool (*is)(char c)) {
  while (s.length > 0 && *s.text && is(*s.text)) s = wsm_span_skip(s, 1);
  return s;
}

static bool is_host_digit (char c) {
  return wsm_is_digit(c);
}

/* uri-host [ ":" port ] (RFC 9110 7.2); the host may be empty. */
static bool is_authority (struct wsm_span s) {
  if (s.length > 0 && s.text[0] == '[') {
    s = skip(wsm_span_skip(s, 1), is_ip);
    if (s.length == 0 || s.text[0] != ']') return false;
    s = wsm_span_skip(s, 1);
  } else {
    s = skip(s, is_host);
  }
  if (s.length > 0 && s.text[0] == ':')
    s = skip(wsm_span_skip(s, 1), is_host_digit);
  return s.length == 0;
}

/* Skips "http://" or another scheme that asks for the same; false: it is none. */
static bool skip_scheme (struct wsm_span *target) {
  static const char *const schemes[] = { "http://", "https://", "ws://",
                                         "wss://" };
  size_t i;
  for (i = 0; i < sizeof schemes / sizeof *schemes; i++) {
    const struct wsm_span start = { target->text, strlen(schemes[i]) };
    if (target->length < start.length || !wsm_span_is(start, schemes[i]))
      continue;
    *target = wsm_span_skip(*target, start.length);
    return true;
  }
  return false;
}

/* Cuts s before the first of the stops. Returns what was cut off. */
static struct wsm_span cut (struct wsm_span *s, const char *stops) {
  struct wsm_span rest = *s;
  while (rest.length > 0 && !strchr(stops, rest.text[0]))
    rest = wsm_span_skip(rest, 1);
  s->length -= rest.length;
  return rest;
}

static void set_path (struct wsm_request_target *t, struct wsm_span path) {
  const struct wsm_span query = cut(&path, "?");
  t->path = path.length > 0 ? path : wsm_span_of("/");
  if (query.length > 0) t->query = wsm_span_skip(query, 1);
}

/* RFC 9112 3.2.2: it may have userinfo no more than Host may. */
static const char *parse_absolute (struct wsm_request_target *t,
                                   struct wsm_span target) {
  const struct wsm_span path = cut(&target, "/?");
  if (target.length == 0 || !is_authority(target)) return bad_target;
  t->host = target;
  set_path(t, path);
  return NULL;
}

static const char *parse_target (struct wsm_request_target *t,
                                 const struct wsm_head *request) {
  struct wsm_span target = request->target;
  if (target.text[0] == '/') set_path(t, target);
  else if (skip_scheme(&target)) return parse_absolute(t, target);
  else if (wsm_span_equals(request->method, wsm_span_of("CONNECT")))
    return is_authority(target) ? NULL : bad_target;
  else if (!wsm_span_equals(target, wsm_span_of("*")) ||
           !wsm_span_equals(request->method, wsm_span_of("OPTIONS")))
    return bad_target;
  return NULL;
}

static const char *parse_host (struct wsm_request_target *t,
                               const struct wsm_head *request) {
  const struct wsm_header *host = wsm_head_find(request, "Host");
  if (!host)
    return request->minor > 0 ? "a request has exactly one Host" : NULL;
  if (wsm_head_next(request, "Host", host))
    return "a request has exactly one Host";
  if (!is_authority(host->value)) return bad_host;
  t->host = host->value;
  return NULL;
}

const char *wsm_request_target_parse (struct wsm_request_target *t,
                                      const struct wsm_head *request) {
  const char *why;
  t->path = request->target;
  t->host = t->query = wsm_span_of(NULL);
  why = parse_host(t, request);
  return why ? why : parse_target(t, request);
}
