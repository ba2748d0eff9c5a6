#include "http/head.h"

#include <stdint.h>
#include <string.h>
#include "base/ascii.h"
#include "base/hidden.h"

#define METHOD_LIMIT 32
#define BYTES(b) (UINT64_C(0x0101010101010101) * (b))

/* --- characters: RFC 9110 5.5, 5.6.2 --- */

/* RFC 9110 5.6.2: tchar, as bits of the characters from 0 */
static const uint32_t token_bits[4] = { 0x00000000, 0x03FF6CFA, 0xC7FFFFFE,
                                        0x57FFFFFF };

static bool is_token (unsigned char c) {
  return c < 0x80 && (token_bits[c >> 5] >> (c & 31) & 1);
}

static size_t token_run (const char *text, size_t n) {
  size_t i = 0;
  while (i < n && is_token((unsigned char)text[i])) i++;
  return i;
}

bool wsm_token_is_valid (const char *text, size_t n) {
  return n > 0 && token_run(text, n) == n;
}

static bool is_control (unsigned char c) {
  return (c < 0x20 && c != '\t') || c == 0x7F;
}

/* May one of the eight bytes be a control character? Tab counts here. */
static bool may_have_control (uint64_t word) {
  const uint64_t deletes = word ^ BYTES(0x7F);
  return (((word - BYTES(0x20)) & ~word) | ((deletes - BYTES(1)) & ~deletes)) &
         BYTES(0x80);
}

/* Eight bytes at a time: a head that arrives in pieces is read several times. */
static size_t control_at (const char *text, size_t n) {
  size_t i = 0;
  while (i < n) {
    uint64_t word;
    size_t end = n - i < sizeof word ? n : i + sizeof word;
    if (end - i == sizeof word) {
      memcpy(&word, text + i, sizeof word);
      if (!may_have_control(word)) i = end;
    }
    for (; i < end; i++)
      if (is_control((unsigned char)text[i])) return i;
  }
  return n;
}

bool wsm_value_is_valid (const char *text, size_t n) {
  return control_at(text, n) == n;
}

/* --- header lines: RFC 9112 2.2, 5 --- */

static int fail (struct wsm_error *e, const char *why, struct wsm_span text) {
  char quote[WSM_QUOTE_SIZE];
  wsm_error_final(e, WSM_HANDSHAKE, "%s: %s", why, wsm_span_quote(quote, text));
  return -1;
}

static struct wsm_span span (const char *text, size_t n) {
  struct wsm_span s;
  s.text = text;
  s.length = n;
  return s;
}

/* Takes a line off the front of text. 1: line is without its CRLF; 0: there is no
** whole line; -1: the line, or its beginning, is malformed. */
static int line_take (struct wsm_span *text, struct wsm_span *line,
                      struct wsm_error *e) {
  const char *lf = text->length ? memchr(text->text, '\n', text->length) : NULL;
  const size_t n = lf ? (size_t)(lf - text->text) : text->length;
  const bool cr = n > 0 && text->text[n - 1] == '\r';
  *line = span(text->text, cr ? n - 1 : n);
  if (!wsm_value_is_valid(line->text, line->length))
    return fail(e, "a control character in the HTTP head", *line);
  if (!lf) return 0;
  if (!cr) return fail(e, "a line of the HTTP head ends in a bare LF", *line);
  *text = span(lf + 1, text->length - n - 1);
  return 1;
}

static int header_parse (struct wsm_header *header, struct wsm_span line,
                         struct wsm_error *e) {
  const char *colon = memchr(line.text, ':', line.length);
  const size_t n = colon ? (size_t)(colon - line.text) : line.length;
  const size_t name = token_run(line.text, n);
  if (line.text[0] == ' ' || line.text[0] == '\t')
    return fail(e, "a folded header line", line);
  if (!colon) return fail(e, "a header line without a colon", line);
  if (n == 0) return fail(e, "a header line without a name", line);
  if (name < n && (line.text[name] == ' ' || line.text[name] == '\t'))
    return fail(e, "a space before the colon of a header", line);
  if (name < n) return fail(e, "a header's name is not a token", line);
  header->name = span(line.text, n);
  header->value = wsm_span_trim(span(colon + 1, line.length - n - 1));
  return 1;
}

int wsm_header_take (struct wsm_span *lines, struct wsm_header *header,
                     struct wsm_error *e) {
  struct wsm_span line;
  const int taken = line_take(lines, &line, e);
  if (taken <= 0) return taken;
  if (line.length == 0) return 2;
  return header_parse(header, line, e);
}

static int fail_count (struct wsm_error *e) {
  wsm_error_final(e, WSM_TOOBIG, "the HTTP head has more than %d header lines",
                  WSM_HEADERS_LIMIT);
  return -1;
}

/* Parses the headers from rest on; text is where the head begins. */
static long headers_parse (struct wsm_head *head, struct wsm_span rest,
                           const char *text, struct wsm_error *e) {
  struct wsm_header header;
  for (;;) {
    const int taken = wsm_header_take(&rest, &header, e);
    if (taken <= 0) return taken;
    if (taken == 2) return (long)(rest.text - text);
    if (head->count == WSM_HEADERS_LIMIT) return fail_count(e);
    head->headers[head->count++] = header;
  }
}

/* --- the first line: RFC 9112 3, 4 --- */

static void head_clear (struct wsm_head *head) {
  head->status = head->minor = 0;
  head->method = head->target = head->reason = span("", 0);
  head->count = 0;
}

/* Not HTTP; TLS begins with the byte of an alert or a handshake (RFC 8446 5.1). */
static int fail_start (struct wsm_error *e, const char *who,
                       struct wsm_span text) {
  char quote[WSM_QUOTE_SIZE];
  const bool tls = text.text[0] == 0x15 || text.text[0] == 0x16;
  wsm_error_final(e, WSM_HANDSHAKE, "the %s %s: %s", who,
                  tls ? "speaks TLS, not plain HTTP (wss instead of ws?)"
                      : "does not speak HTTP/1.1",
                  wsm_span_quote(quote, text));
  return -1;
}

/* HTTP/1.1 200 OK; the reason and the space before it may be missing. */
static int status_parse (struct wsm_head *head, struct wsm_span line,
                         struct wsm_error *e) {
  const char *s = line.text;
  const bool well_formed = line.length >= 12 && wsm_is_digit(s[7]) &&
                           s[8] == ' ' && wsm_is_digit(s[9]) &&
                           wsm_is_digit(s[10]) && wsm_is_digit(s[11]) &&
                           (line.length == 12 || s[12] == ' ');
  if (!well_formed || s[9] == '0') return fail(e, "a bad status line", line);
  head->minor = s[7] - '0';
  head->status = (s[9] - '0') * 100 + (s[10] - '0') * 10 + (s[11] - '0');
  if (line.length > 13) head->reason = span(s + 13, line.length - 13);
  return 1;
}

long wsm_head_parse_response (struct wsm_head *head, const char *text, size_t n,
                              struct wsm_error *e) {
  struct wsm_span rest = span(text, n), line;
  int taken;
  head_clear(head);
  if (n == 0) return 0;
  if (memcmp(text, "HTTP/1.", n < 7 ? n : 7) != 0)
    return fail_start(e, "server", rest);
  taken = line_take(&rest, &line, e);
  if (taken <= 0) return taken;
  if (status_parse(head, line, e) < 0) return -1;
  return headers_parse(head, rest, text, e);
}

static bool target_is_valid (struct wsm_span target) {
  size_t i;
  for (i = 0; i < target.length; i++) {
    const unsigned char c = (unsigned char)target.text[i];
    if (c <= ' ' || c >= 0x7F) return false;
  }
  return target.length > 0;
}

/* GET /chat HTTP/1.1 */
static int request_parse (struct wsm_head *head, struct wsm_span line,
                          struct wsm_error *e) {
  const size_t method = token_run(line.text, line.length);
  const size_t end = line.length - 9; /* where " HTTP/1.1" begins */
  if (line.length < method + 11 || line.text[method] != ' ' ||
      memcmp(line.text + end, " HTTP/1.", 8) != 0 ||
      !wsm_is_digit(line.text[end + 8]))
    return fail(e, "a bad request line", line);
  head->method = span(line.text, method);
  head->target = span(line.text + method + 1, end - method - 1);
  if (!target_is_valid(head->target))
    return fail(e, "a bad request line", line);
  head->minor = line.text[end + 8] - '0';
  return 1;
}

static bool request_begins (const char *text, size_t n) {
  const size_t method = token_run(text, n < METHOD_LIMIT ? n : METHOD_LIMIT);
  if (method == 0 || method == METHOD_LIMIT) return false;
  return method == n || text[method] == ' ';
}

/* RFC 9112 2.2: before a request there may be some. */
static struct wsm_span skip_empty_lines (struct wsm_span text) {
  while (text.length >= 2 && memcmp(text.text, "\r\n", 2) == 0)
    text = wsm_span_skip(text, 2);
  return text;
}

long wsm_head_parse_request (struct wsm_head *head, const char *text, size_t n,
                             struct wsm_error *e) {
  struct wsm_span rest = skip_empty_lines(span(text, n)), line;
  int taken;
  head_clear(head);
  if (rest.length == 0 || (rest.length == 1 && rest.text[0] == '\r')) return 0;
  if (!request_begins(rest.text, rest.length))
    return fail_start(e, "client", rest);
  taken = line_take(&rest, &line, e);
  if (taken <= 0) return taken;
  if (request_parse(head, line, e) < 0) return -1;
  return headers_parse(head, rest, text, e);
}

/* --- looking for headers --- */

const struct wsm_header *wsm_head_next (const struct wsm_head *head,
                                        const char *name,
                                        const struct wsm_header *after) {
  const struct wsm_header *end = head->headers + head->count;
  const struct wsm_header *h = after ? after + 1 : head->headers;
  for (; h < end; h++)
    if (wsm_span_is(h->name, name)) return h;
  return NULL;
}

const struct wsm_header *wsm_head_find (const struct wsm_head *head,
                                        const char *name) {
  return wsm_head_next(head, name, NULL);
}

size_t wsm_head_count (const struct wsm_head *head, const char *name) {
  const struct wsm_header *h = NULL;
  size_t n = 0;
  while ((h = wsm_head_next(head, name, h)) != NULL) n++;
  return n;
}

bool wsm_head_lists (const struct wsm_head *head, const char *name,
                     const char *token) {
  const struct wsm_header *h = NULL;
  while ((h = wsm_head_next(head, name, h)) != NULL) {
    struct wsm_span list = h->value, element;
    while (wsm_span_take(&list, &element))
      if (wsm_span_is(element, token)) return true;
  }
  return false;
}
