#define _GNU_SOURCE /* EAI_NODATA */
#include "io/resolve.h"

#include <netdb.h>
#include <string.h>
#include <uv.h>
#include "base/memory.h"
#include "io/address.h"
#include "io/lookup_results.h"
#include "base/hidden.h"

struct wsm_resolve {
  struct wsm_lookup_results *results;
  struct wsm_lookup *lookup;
  wsm_resolve_done *done;
  void *owner;
  char host[];
};

/* --- errors --- */

static bool is_unknown (int code) {
#ifdef EAI_NODATA
  if (code == EAI_NODATA) return true;
#endif
  return code == EAI_NONAME;
}

static void explain (struct wsm_error *e, const char *host, int code) {
  char text[WSM_ERROR_TEXT_SIZE];
  /* getaddrinfo returns "no such host" when it cannot open its files. */
  const int exhausted = wsm_address_check_fds();
  if (exhausted) {
    wsm_address_error_text(exhausted, text, sizeof text);
    wsm_error_set(e, WSM_REFUSED, "cannot look up \"%.120s\": %s", host, text);
  } else if (code == EAI_AGAIN || code == EAI_FAIL) {
    wsm_error_set(e, WSM_RESOLVE,
                  "cannot look up \"%.120s\" (no answer from "
                  "the name servers); is the network up?",
                  host);
  } else if (is_unknown(code)) {
    wsm_error_set(e, WSM_RESOLVE,
                  "no such host \"%.120s\" (name or service not known)", host);
  } else {
    wsm_error_set(e, code == EAI_MEMORY ? WSM_FULL : WSM_RESOLVE,
                  "cannot look up \"%.120s\" (%.80s)", host,
                  gai_strerror(code));
  }
}

/* --- the loop --- */

static void count (struct wsm_lookup_results *results, size_t pending) {
  if (pending > 0 && results->pending == 0)
    uv_ref((uv_handle_t *)&results->async);
  if (pending == 0) uv_unref((uv_handle_t *)&results->async);
  results->pending = pending;
}

static void finish (struct wsm_resolve *r, struct wsm_answer *answer) {
  struct wsm_error e;
  memset(&e, 0, sizeof e);
  if (answer->code != 0) explain(&e, r->host, answer->code);
  count(r->results, r->results->pending - 1);
  r->done(r->owner, answer->code == 0 ? answer->list : NULL, &e);
  if (answer->list) freeaddrinfo(answer->list);
  wsm_free(r);
}

static void on_answers (uv_async_t *async) {
  struct wsm_lookup_results *results = async->data;
  struct wsm_answer answer = wsm_resolver_take(&results->answers);
  while (answer.owner) {
    finish(answer.owner, &answer);
    answer = wsm_resolver_take(&results->answers);
  }
}

void wsm_resolve_prepare (struct wsm_lookup_results *results,
                          struct uv_loop_s *uv) {
  (void)uv_async_init(uv, &results->async, on_answers); /* it cannot fail */
  uv_unref((uv_handle_t *)&results->async);
  uv->data = results;
  results->async.data = results;
  results->answers.async = &results->async;
}

/* --- its users --- */

struct wsm_resolve *
wsm_resolve_start (struct uv_loop_s *uv,
                   const struct wsm_resolve_request *request,
                   struct wsm_error *e) {
  const size_t n = strlen(request->host) + 1;
  struct wsm_resolve *r = wsm_zalloc(sizeof *r + n);
  if (r) {
    r->results = uv->data;
    r->done = request->done;
    r->owner = request->owner;
    memcpy(r->host, request->host, n);
    r->lookup = wsm_resolver_start(&r->results->answers, r->host, r);
  }
  if (r && r->lookup) {
    count(r->results, r->results->pending + 1);
    return r;
  }
  explain(e, request->host, EAI_MEMORY);
  wsm_free(r);
  return NULL;
}

void wsm_resolve_cancel (struct wsm_resolve *r) {
  wsm_resolver_cancel(r->lookup);
  count(r->results, r->results->pending - 1);
  wsm_free(r);
}

struct addrinfo *wsm_resolve_wait (const char *host, struct wsm_error *e) {
  struct addrinfo *list;
  const int code = wsm_resolver_wait(host, &list);
  if (code == 0) return list;
  explain(e, host, code);
  return NULL;
}
