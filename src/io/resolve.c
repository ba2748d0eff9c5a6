#include "io/resolve.h"

#include <netdb.h>
#include <string.h>
#include <uv.h>
#include "base/memory.h"
#include "io/address.h"
#include "base/hidden.h"

struct wsm_resolve {
  uv_getaddrinfo_t request;
  wsm_resolve_done *done; /* NULL: cancelled */
  void *owner;
  char host[];
};

/* Without AI_ADDRCONFIG, which hides localhost where there is no network. */
static const struct addrinfo stream = { .ai_socktype = SOCK_STREAM };

static void explain (struct wsm_error *e, const char *host, int code) {
  char text[WSM_ERROR_TEXT_SIZE];
  /* getaddrinfo returns "no such host" when it cannot open its files. */
  const int exhausted = wsm_address_check_fds();
  if (exhausted) {
    wsm_address_error_text(exhausted, text, sizeof text);
    wsm_error_set(e, WSM_REFUSED, "cannot look up \"%.120s\": %s", host, text);
  } else if (code == UV_EAI_AGAIN || code == UV_EAI_FAIL) {
    wsm_error_set(e, WSM_RESOLVE,
                  "cannot look up \"%.120s\" (no answer from "
                  "the name servers); is the network up?",
                  host);
  } else if (code == UV_EAI_NONAME || code == UV_EAI_NODATA) {
    wsm_error_set(e, WSM_RESOLVE,
                  "no such host \"%.120s\" (name or service not known)", host);
  } else if (code == UV_EINVAL) {
    wsm_error_final(e, WSM_RESOLVE, "\"%.120s\" is not a host name", host);
  } else {
    uv_strerror_r(code, text, sizeof text);
    wsm_error_set(e, code == UV_ENOMEM ? WSM_FULL : WSM_RESOLVE,
                  "cannot look up \"%.120s\" (%s)", host, text);
  }
}

static void on_resolved (uv_getaddrinfo_t *request, int status,
                         struct addrinfo *list) {
  struct wsm_resolve *r = request->data;
  struct wsm_error e;
  if (r->done && status == 0) {
    memset(&e, 0, sizeof e);
    r->done(r->owner, list, &e);
  } else if (r->done) {
    explain(&e, r->host, status);
    r->done(r->owner, NULL, &e);
  }
  uv_freeaddrinfo(list);
  wsm_free(r);
}

struct wsm_resolve *
wsm_resolve_start (struct uv_loop_s *uv,
                   const struct wsm_resolve_request *request,
                   struct wsm_error *e) {
  size_t n = strlen(request->host) + 1;
  struct wsm_resolve *r = wsm_alloc(sizeof *r + n);
  int code = UV_ENOMEM;
  if (r) {
    r->request.data = r;
    r->done = request->done;
    r->owner = request->owner;
    memcpy(r->host, request->host, n);
    code = uv_getaddrinfo(uv, &r->request, on_resolved, request->host, NULL,
                          &stream);
    if (code == 0) return r;
  }
  explain(e, request->host, code);
  wsm_free(r);
  return NULL;
}

void wsm_resolve_cancel (struct wsm_resolve *r) {
  r->done = NULL;
  /* Fails when a thread has begun; on_resolved is called either way. */
  (void)uv_cancel((uv_req_t *)&r->request);
}

struct addrinfo *wsm_resolve_wait (struct uv_loop_s *uv, const char *host,
                                   struct wsm_error *e) {
  uv_getaddrinfo_t request;
  int code = uv_getaddrinfo(uv, &request, NULL, host, NULL, &stream);
  if (code == 0) return request.addrinfo;
  explain(e, host, code);
  return NULL;
}
