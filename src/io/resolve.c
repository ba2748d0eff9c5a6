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

/* No AI_ADDRCONFIG: it hides localhost from a machine without a network. */
static const struct addrinfo stream = { .ai_socktype = SOCK_STREAM };

static void explain (struct wsm_error *e, const char *host, int code) {
  char reason[WSM_ERROR_TEXT_SIZE];
  /* getaddrinfo says "no such host" when it could not open its files. */
  int why = wsm_address_check_fds();
  if (why) {
    wsm_address_error_text(why, reason, sizeof reason);
    wsm_error_set(e, WSM_REFUSED, "cannot look up \"%.120s\": %s", host,
                  reason);
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
    uv_strerror_r(code, reason, sizeof reason);
    wsm_error_set(e, code == UV_ENOMEM ? WSM_FULL : WSM_RESOLVE,
                  "cannot look up \"%.120s\" (%s)", host, reason);
  }
}

static void on_answer (uv_getaddrinfo_t *request, int status,
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

struct wsm_resolve *wsm_resolve_start (struct uv_loop_s *uv,
                                       const struct wsm_resolve_request *order,
                                       struct wsm_error *e) {
  size_t n = strlen(order->host) + 1;
  struct wsm_resolve *r = wsm_alloc(sizeof *r + n);
  int code = UV_ENOMEM;
  if (r) {
    r->request.data = r;
    r->done = order->done;
    r->owner = order->owner;
    memcpy(r->host, order->host, n);
    code =
      uv_getaddrinfo(uv, &r->request, on_answer, order->host, NULL, &stream);
    if (code == 0) return r;
  }
  explain(e, order->host, code);
  wsm_free(r);
  return NULL;
}

void wsm_resolve_cancel (struct wsm_resolve *r) {
  r->done = NULL;
  /* Refused when a thread has begun; the answer comes either way. */
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
