#include "http/request_framing.h"

#include "http/body.h"
#include "base/hidden.h"

static int refuse (struct wsm_error *e, int status, const char *why) {
  wsm_error_set(e, status == 413 ? WSM_TOOBIG : WSM_HANDSHAKE, "%s", why);
  return status;
}

/* --- the body: RFC 9112 6 --- */

/* How many codings there are; *known: they are "chunked", and it alone. */
static size_t count_codings (const struct wsm_head *request, bool *known) {
  const struct wsm_header *h = NULL;
  size_t n = 0;
  *known = true;
  while ((h = wsm_head_next(request, "Transfer-Encoding", h)) != NULL) {
    struct wsm_span list = h->value, coding;
    for (; wsm_span_take(&list, &coding); n++)
      if (n > 0 || !wsm_span_is(coding, "chunked")) *known = false;
  }
  return n;
}

/* A length beside chunks is how requests are smuggled (RFC 9112 11.2). */
static int check_coding (const struct wsm_head *request, struct wsm_error *e) {
  bool known;
  const size_t n = count_codings(request, &known);
  if (request->minor == 0)
    return refuse(e, 400, "HTTP/1.0 has no Transfer-Encoding");
  if (wsm_head_find(request, "Content-Length"))
    return refuse(e, 400, "a request has a Content-Length or chunks, not both");
  if (n == 0) return refuse(e, 400, "an empty Transfer-Encoding");
  if (!known)
    return refuse(e, 501, "no Transfer-Encoding but chunked is known here");
  return 0;
}

static int check_length (const struct wsm_head *request, uint64_t limit,
                         struct wsm_error *e) {
  static const char bad[] = "a bad Content-Length";
  const struct wsm_header *h = NULL;
  uint64_t known = UINT64_MAX, n;
  bool found = false;
  while ((h = wsm_head_next(request, "Content-Length", h)) != NULL) {
    struct wsm_span list = h->value, one;
    if (list.length == 0) return refuse(e, 400, bad);
    for (; wsm_span_take(&list, &one); found = true, known = n)
      if (!wsm_body_parse_length(one, &n) || (found && n != known))
        return refuse(e, 400, bad);
  }
  if (!found || known <= limit) return 0;
  wsm_error_set(e, WSM_TOOBIG, "the request's body is over %llu bytes",
                (unsigned long long)limit);
  return 413;
}

static bool expects (const struct wsm_head *request, bool *more) {
  const struct wsm_header *h = NULL;
  bool found = false;
  *more = false;
  while ((h = wsm_head_next(request, "Expect", h)) != NULL) {
    struct wsm_span list = h->value, one;
    while (wsm_span_take(&list, &one)) {
      if (wsm_span_is(one, "100-continue")) found = true;
      else *more = true;
    }
  }
  return found;
}

int wsm_framing_check_body (const struct wsm_head *request, uint64_t limit,
                            struct wsm_error *e) {
  bool more;
  (void)expects(request, &more);
  if (more) return refuse(e, 417, "no expectation but 100-continue is known");
  if (wsm_head_find(request, "Transfer-Encoding"))
    return check_coding(request, e);
  return check_length(request, limit, e);
}

bool wsm_framing_awaits_continue (const struct wsm_head *request) {
  bool more;
  return request->minor > 0 && expects(request, &more);
}

/* --- the connection: RFC 9112 9.3 --- */

bool wsm_framing_persists (const struct wsm_head *request) {
  if (wsm_head_lists(request, "Connection", "close")) return false;
  return request->minor > 0 ||
         wsm_head_lists(request, "Connection", "keep-alive");
}
