#include "http/redirect.h"

#include <string.h>
#include "http/authority.h"
#include "http/head.h"
#include "http/url.h"
#include "http/writer.h"
#include "base/hidden.h"

/* How long s is before any of the stop characters. */
static size_t length_before (struct wsm_span s, const char *stops) {
  size_t n = 0;
  while (n < s.length && (!s.text[n] || !strchr(stops, s.text[n]))) n++;
  return n;
}

static struct wsm_span before (struct wsm_span s, const char *stops) {
  s.length = length_before(s, stops);
  return s;
}

static bool begins (struct wsm_span s, const char *with) {
  const size_t n = strlen(with);
  return s.length >= n && memcmp(s.text, with, n) == 0;
}

/* Host names have no case (RFC 3986 6.2.2.1). */
bool wsm_same_origin (const struct wsm_url *a, const struct wsm_url *b) {
  return a->secure == b->secure && a->port == b->port &&
         wsm_span_equals_nocase(a->host, b->host);
}

/* --- resolving a reference: RFC 3986 5.2.2 --- */

static bool write_scheme (const struct wsm_redirect *r, struct wsm_buffer *to,
                          bool secure) {
  return wsm_write_text(to, r->http ? "http" : "ws") &&
         wsm_write_text(to, secure ? "s:" : ":");
}

/* What a reference keeps of the base's path (5.2.3). */
static struct wsm_span kept_path (struct wsm_span target, struct wsm_span ref) {
  struct wsm_span path = before(target, "?");
  if (ref.length == 0) return target;
  if (begins(ref, "?")) return path;
  if (begins(ref, "/")) path.length = 0;
  while (path.length > 0 && path.text[path.length - 1] != '/') path.length--;
  return path;
}

static bool write_relative (const struct wsm_redirect *r, struct wsm_buffer *to,
                            struct wsm_span ref) {
  const struct wsm_url *from = r->from;
  const struct wsm_span path = kept_path(from->target, ref);
  const bool rooted = begins(path, "/") || (!path.length && begins(ref, "/"));
  return write_scheme(r, to, from->secure) && wsm_write_text(to, "//") &&
         wsm_authority_write_url(to, from) &&
         wsm_write_text(to, rooted ? "" : "/") && wsm_write_span(to, path) &&
         wsm_write_span(to, ref);
}

/* A scheme ends in the first colon, before any slash (4.1, 4.2). */
static bool is_absolute (struct wsm_span ref) {
  const size_t n = length_before(ref, ":/?");
  return n < ref.length && ref.text[n] == ':';
}

static bool write_reference (const struct wsm_redirect *r,
                             struct wsm_buffer *to, struct wsm_span ref) {
  if (is_absolute(ref)) return wsm_write_span(to, ref);
  if (begins(ref, "//"))
    return write_scheme(r, to, r->from->secure) && wsm_write_span(to, ref);
  return write_relative(r, to, ref);
}

/* --- dot segments: RFC 3986 5.2.4 --- */

/* How many dots a segment of nothing else has, "%2e" included; 0: another one. */
static int dots_of (struct wsm_span segment) {
  int dots = 0;
  while (segment.length > 0) {
    struct wsm_span first = { segment.text, segment.length < 3 ? 1 : 3 };
    if (segment.text[0] == '.') first.length = 1;
    else if (!wsm_span_is(first, "%2e")) return 0;
    segment = wsm_span_skip(segment, first.length);
    dots++;
  }
  return dots <= 2 ? dots : 0;
}

/* Takes the last segment, and its slash, off what was written from start on. */
static void drop_segment (struct wsm_buffer *to, size_t start) {
  const unsigned char *bytes = wsm_buffer_bytes(to);
  size_t n = wsm_buffer_length(to);
  while (n > start && bytes[n - 1] != '/') n--;
  if (n > start) n--;
  to->end = to->start + n;
}

static bool write_path (struct wsm_buffer *to, struct wsm_span path) {
  const size_t start = wsm_buffer_length(to);
  while (begins(path, "/")) {
    struct wsm_span segment = before(wsm_span_skip(path, 1), "/");
    const int dots = dots_of(segment);
    path = wsm_span_skip(path, segment.length + 1);
    if (dots == 2) drop_segment(to, start);
    if (dots > 0 && path.length > 0) continue;
    if (dots > 0) segment.length = 0;
    if (!wsm_write_text(to, "/") || !wsm_write_span(to, segment)) return false;
  }
  return wsm_buffer_length(to) > start || wsm_write_text(to, "/");
}

/* --- the redirect: RFC 9110 15.4, 10.2.2 --- */

static bool write_url (const struct wsm_redirect *r, struct wsm_buffer *to,
                       const struct wsm_url *url) {
  const struct wsm_span path = before(url->target, "?");
  const struct wsm_span user =
    url->user.length > 0 || r->changed ? url->user : r->from->user;
  return write_scheme(r, to, url->secure) && wsm_write_text(to, "//") &&
         wsm_write_span(to, user) &&
         wsm_write_text(to, user.length > 0 ? "@" : "") &&
         wsm_authority_write_url(to, url) && write_path(to, path) &&
         wsm_write_span(to, wsm_span_skip(url->target, path.length));
}

static bool fail (struct wsm_error *e, struct wsm_span location,
                  const char *why) {
  char quote[WSM_QUOTE_SIZE];
  wsm_error_final(e, WSM_HANDSHAKE, "the redirect to %s is not followed: %s",
                  wsm_url_quote(quote, location), why);
  return false;
}

static bool fail_memory (struct wsm_error *e) {
  wsm_error_set(e, WSM_FULL, "no memory for a redirect");
  return false;
}

static bool is_http (struct wsm_span scheme) {
  return wsm_span_is(scheme, "http") || wsm_span_is(scheme, "https");
}

static bool check (struct wsm_redirect *r, struct wsm_url *url,
                   const struct wsm_buffer *text, struct wsm_error *e) {
  struct wsm_error why;
  const bool parsed = wsm_url_parse(url, (const char *)wsm_buffer_bytes(text),
                                    wsm_buffer_length(text), &why);
  if (r->http && !is_http(url->scheme))
    return fail(e, r->location, "it leads to no http or https URL");
  if (!parsed) return fail(e, r->location, why.detail);
  if (r->from->secure && !url->secure)
    return fail(e, r->location,
                r->http ? "it leads from https to http"
                        : "it leads from wss to ws");
  r->changed = !wsm_same_origin(r->from, url);
  return true;
}

static bool follow (struct wsm_redirect *r, struct wsm_buffer *to,
                    struct wsm_buffer *text, struct wsm_error *e) {
  const size_t length = wsm_buffer_length(to);
  struct wsm_url url;
  if (!write_reference(r, text, before(r->location, "#")))
    return fail_memory(e);
  if (!check(r, &url, text, e)) return false;
  return wsm_write_commit_or_rollback(to, length, write_url(r, to, &url)) ||
         fail_memory(e);
}

bool wsm_redirect_follow (struct wsm_redirect *r, struct wsm_buffer *to,
                          struct wsm_error *e) {
  struct wsm_buffer text;
  bool followed;
  memset(&text, 0, sizeof text);
  if (r->location.length == 0)
    return fail(e, r->location, "there is no Location");
  followed = follow(r, to, &text, e);
  wsm_buffer_clear(&text);
  return followed;
}

/* Words of header names that tell of a credential: X-Api-Key, Private-Token. */
static bool is_secret_word (struct wsm_span word) {
  static const char *const words[] = {
    "auth",  "authorization", "authentication", "apikey",      "key",
    "token", "accesstoken",   "authtoken",      "secret",      "password",
    "jwt",   "bearer",        "credential",     "credentials", "session",
    "sid",   "sessionid",     "signature",      "assertion",   "csrf"
  };
  size_t i;
  for (i = 0; i < sizeof words / sizeof *words; i++)
    if (wsm_span_is(word, words[i])) return true;
  return false;
}

static bool is_credential (struct wsm_span name) {
  while (name.length > 0) {
    const struct wsm_span word = before(name, "-_");
    if (is_secret_word(word)) return true;
    name = wsm_span_skip(name, word.length);
    if (name.length > 0) name = wsm_span_skip(name, 1);
  }
  return false;
}

static bool is_for_one_origin (struct wsm_span name) {
  return wsm_span_is(name, "Cookie") || wsm_span_is(name, "Cookie2") ||
         wsm_span_is(name, "Host") || is_credential(name);
}

static bool is_letter (char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 7515 3.1: the base64 of an object begins so, a JSON Web Token thus, too. */
static bool begins_as_object (struct wsm_span word) {
  return begins(word, "eyJ");
}

bool wsm_redirect_protocols_have_credential (const char *protocols) {
  struct wsm_span rest = wsm_span_of(protocols);
  while (rest.length > 0) {
    struct wsm_span word = { rest.text, 0 };
    while (word.length < rest.length && is_letter(rest.text[word.length]))
      word.length++;
    if (is_secret_word(word) || begins_as_object(word)) return true;
    rest = wsm_span_skip(rest, word.length);
    if (rest.length > 0) rest = wsm_span_skip(rest, 1);
  }
  return false;
}

bool wsm_redirect_filter (struct wsm_buffer *to, const char *lines) {
  const size_t length = wsm_buffer_length(to);
  struct wsm_span rest = wsm_span_of(lines), line = rest;
  struct wsm_header header;
  struct wsm_error ignored;
  bool written = true;
  while (written && wsm_header_take(&rest, &header, &ignored) == 1) {
    line.length = (size_t)(rest.text - line.text);
    written = is_for_one_origin(header.name) || wsm_write_span(to, line);
    line = rest;
  }
  return wsm_write_commit_or_rollback(to, length, written);
}
