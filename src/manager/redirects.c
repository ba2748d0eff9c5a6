#include "manager/redirects.h"

#include <string.h>
#include "base/memory.h"
#include "http/redirect.h"
#include "http/status.h"
#include "http/url.h"
#include "http/writer.h"
#include "base/hidden.h"

/* The redirect that was followed, with the texts that m->request borrows. */
struct wsm_redirect_state {
  uint32_t count;       /* redirects since the target */
  bool left_origin;     /* one of them led to another origin */
  bool left_host;       /* ... to another host */
  struct wsm_url parts; /* of url */
  char *url, *headers;  /* headers NULL: none */
};

static void redirect_free (struct wsm_redirect_state *state) {
  if (!state) return;
  wsm_free(state->url);
  wsm_free(state->headers);
  wsm_free(state);
}

void wsm_redirects_forget (struct wsm_manager *m) {
  redirect_free(m->redirect);
  m->redirect = NULL;
}

bool wsm_redirects_left_origin (const struct wsm_manager *m) {
  return m->redirect && m->redirect->left_origin;
}

bool wsm_redirects_left_host (const struct wsm_manager *m) {
  return m->redirect && m->redirect->left_host;
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

/* The texts of the next request; without memory, url stays NULL. */
static bool store_texts (struct wsm_redirect_state *state,
                         struct wsm_buffer *url, struct wsm_buffer *headers,
                         struct wsm_error *e) {
  const bool any = wsm_buffer_length(headers) > 0;
  state->url = text_of(url);
  state->headers = text_of(headers);
  if (state->url && (state->headers || !any))
    return wsm_url_parse(&state->parts, state->url, strlen(state->url), e);
  wsm_error_set(e, WSM_FULL, "no memory for a redirect");
  return false;
}

static bool write_request (const struct wsm_manager *m, struct wsm_redirect *r,
                           struct wsm_redirect_state *state,
                           struct wsm_error *e) {
  struct wsm_buffer url, headers;
  bool written;
  memset(&url, 0, sizeof url);
  memset(&headers, 0, sizeof headers);
  written = wsm_redirect_follow(r, &url, e);
  if (written) {
    if (r->changed) written = wsm_redirect_filter(&headers, m->request.headers);
    else written = wsm_write_text(&headers, m->request.headers);
    if (written) written = store_texts(state, &url, &headers, e);
    else wsm_error_set(e, WSM_FULL, "no memory for a redirect");
  }
  wsm_buffer_clear(&url);
  wsm_buffer_clear(&headers);
  return written;
}

static void apply_redirect (struct wsm_manager *m,
                            struct wsm_redirect_state *state) {
  state->count = m->redirect ? m->redirect->count + 1 : 1;
  state->left_origin |= wsm_redirects_left_origin(m);
  state->left_host |= wsm_redirects_left_host(m);
  wsm_redirects_forget(m);
  if (state->left_origin &&
      wsm_redirect_protocols_have_credential(m->request.protocols))
    m->request.protocols = NULL;
  m->redirect = state;
  m->request.url = &state->parts;
  m->request.headers = state->headers;
  wsm_buffer_clear(&m->session.in);
  wsm_buffer_clear(&m->head_text);
  m->head_length = 0;
}

static bool prepare_redirect (struct wsm_manager *m, struct wsm_redirect *r,
                              struct wsm_error *e) {
  struct wsm_redirect_state *state = wsm_zalloc(sizeof *state);
  if (!state) {
    wsm_error_set(e, WSM_FULL, "no memory for a redirect");
    return false;
  }
  if (write_request(m, r, state, e)) {
    state->left_origin = r->changed;
    state->left_host =
      !wsm_span_equals_nocase(m->request.url->host, state->parts.host);
    apply_redirect(m, state);
    return true;
  }
  redirect_free(state);
  return false;
}

/* With several, clients could differ in which one they follow. */
static bool has_one_location (const struct wsm_head *head,
                              struct wsm_error *e) {
  if (wsm_head_count(head, "Location") <= 1) return true;
  wsm_error_final(e, WSM_HANDSHAKE,
                  "the server answered %d, a redirect to several places",
                  head->status);
  return false;
}

static bool may_follow (const struct wsm_manager *m,
                        const struct wsm_head *head, struct wsm_span location,
                        struct wsm_error *e) {
  const uint32_t limit = m->policy->redirects;
  char quote[WSM_QUOTE_SIZE];
  if (!m->redirect || m->redirect->count < limit)
    return has_one_location(head, e);
  wsm_error_set(e, WSM_HANDSHAKE,
                "the server answered %d, a redirect to %s, after %u redirects",
                head->status, wsm_url_quote(quote, location),
                (unsigned)m->redirect->count);
  return false;
}

bool wsm_redirects_follow (struct wsm_manager *m, const struct wsm_head *head,
                           struct wsm_error *e) {
  const struct wsm_header *location = wsm_head_find(head, "Location");
  struct wsm_redirect r;
  if (m->policy->redirects == 0 || !wsm_status_is_redirect(head->status))
    return false;
  memset(&r, 0, sizeof r);
  r.from = m->request.url;
  r.location = location ? location->value : wsm_span_of(NULL);
  return may_follow(m, head, r.location, e) && prepare_redirect(m, &r, e);
}
