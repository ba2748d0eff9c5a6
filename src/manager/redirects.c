#include <string.h>
#include "base/memory.h"
#include "manager/manager_internal.h"
#include "http/redirect.h"
#include "http/header_lines.h"

/* Where redirects have led, with the texts that m->ask borrows. */
struct wsm_redirects {
  uint32_t count;
  struct wsm_url parts; /* spans of url */
  char *url, *headers;  /* headers NULL: none */
};

static void let_go (struct wsm_redirects *moved) {
  if (!moved) return;
  wsm_free(moved->url);
  wsm_free(moved->headers);
  wsm_free(moved);
}

void wsm_redirects_forget (struct wsm_manager *m) {
  let_go(m->moved);
  m->moved = NULL;
}

/* The text of a buffer in a block of its own size; NULL for none, or without
** memory. */
static char *text_of (struct wsm_buffer *b) {
  const size_t n = wsm_buffer_length(b);
  char *text = n > 0 ? wsm_alloc(n + 1) : NULL;
  if (text) {
    memcpy(text, wsm_buffer_bytes(b), n);
    text[n] = '\0';
  }
  return text;
}

/* The texts of the next request; without memory, moved stays empty. */
static bool fill (struct wsm_redirects *moved, struct wsm_buffer *url,
                  struct wsm_buffer *headers, struct wsm_error *e) {
  const bool any = wsm_buffer_length(headers) > 0;
  moved->url = text_of(url);
  moved->headers = text_of(headers);
  if (moved->url && (moved->headers || !any))
    return wsm_url_parse(&moved->parts, moved->url, strlen(moved->url), e);
  wsm_error_set(e, WSM_FULL, "no memory for a redirect");
  return false;
}

static bool write (const struct wsm_manager *m, struct wsm_redirect *r,
                   struct wsm_redirects *moved, struct wsm_error *e) {
  struct wsm_buffer url, headers;
  bool written;
  memset(&url, 0, sizeof url);
  memset(&headers, 0, sizeof headers);
  written = wsm_redirect_follow(r, &url, e);
  if (written) {
    if (r->changed) written = wsm_redirect_filter(&headers, m->ask.headers);
    else written = wsm_write_text(&headers, m->ask.headers);
    if (written) written = fill(moved, &url, &headers, e);
    else wsm_error_set(e, WSM_FULL, "no memory for a redirect");
  }
  wsm_buffer_clear(&url);
  wsm_buffer_clear(&headers);
  return written;
}

static void set_out (struct wsm_manager *m, struct wsm_redirects *moved) {
  moved->count = m->moved ? m->moved->count + 1 : 1;
  wsm_redirects_forget(m);
  m->moved = moved;
  m->ask.url = &moved->parts;
  m->ask.headers = moved->headers;
  m->phase = WSM_PHASE_MOVE;
  m->want = WSM_WANT_MOVE;
  wsm_buffer_clear(&m->session.in);
  wsm_buffer_clear(&m->head_text);
  m->head_length = 0;
}

static bool go (struct wsm_manager *m, struct wsm_redirect *r,
                struct wsm_error *e) {
  struct wsm_redirects *moved = wsm_zalloc(sizeof *moved);
  if (!moved) {
    wsm_error_set(e, WSM_FULL, "no memory for a redirect");
    return false;
  }
  if (write(m, r, moved, e)) {
    set_out(m, moved);
    return true;
  }
  let_go(moved);
  return false;
}

/* Whoever reads another Location than we do is led elsewhere. */
static bool one_place (const struct wsm_head *head, struct wsm_error *e) {
  if (wsm_head_count(head, "Location") <= 1) return true;
  wsm_error_final(e, WSM_HANDSHAKE,
                  "the server answered %d, a redirect to several places",
                  head->status);
  return false;
}

static bool may_move (const struct wsm_manager *m, const struct wsm_head *head,
                      struct wsm_span location, struct wsm_error *e) {
  const uint32_t limit = m->policy->redirects;
  char quote[WSM_QUOTE_SIZE];
  if (!m->moved || m->moved->count < limit) return one_place(head, e);
  wsm_error_set(e, WSM_HANDSHAKE,
                "the server answered %d, a redirect to %s, after %u redirects",
                head->status, wsm_span_quote(quote, location),
                (unsigned)m->moved->count);
  return false;
}

bool wsm_redirects_follow (struct wsm_manager *m, const struct wsm_head *head,
                           struct wsm_error *e) {
  const struct wsm_header *location = wsm_head_find(head, "Location");
  struct wsm_redirect r;
  if (m->policy->redirects == 0 || !wsm_redirect_is(head->status)) return false;
  memset(&r, 0, sizeof r);
  r.from = m->ask.url;
  r.location = location ? location->value : wsm_span_of(NULL);
  return may_move(m, head, r.location, e) && go(m, &r, e);
}

void wsm_manager_move (struct wsm_manager *m, const unsigned char *nonce) {
  if (m->phase != WSM_PHASE_MOVE) return;
  wsm_key_write(m->key, nonce);
  m->phase = WSM_PHASE_DIAL;
  m->want = WSM_WANT_SOCKET;
  m->counters.dials++;
}
