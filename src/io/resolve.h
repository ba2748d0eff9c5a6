/*
** resolve.h - from a name to addresses, off the loop's thread
** Depends on resolver.h, whose threads look the name up, and on uv_async, by which
** they wake the loop.
** Never caches, and has no deadline of its own.
*/
#ifndef WSM_RESOLVE_H
#define WSM_RESOLVE_H

#include "base/error.h"

struct addrinfo;
struct uv_loop_s;
struct wsm_lookup_results;
struct wsm_resolve;

/* Once for each libuv loop, which is never closed then; its `data` is used. The
** results was zeroed. */
void wsm_resolve_prepare (struct wsm_lookup_results *results,
                          struct uv_loop_s *uv);

/* list is without ports and only valid during the call. NULL: e says why. Called
** once, from the loop, never from inside wsm_resolve_start. */
typedef void wsm_resolve_done (void *owner, const struct addrinfo *list,
                               const struct wsm_error *e);

struct wsm_resolve_request {
  const char *host;
  wsm_resolve_done *done;
  void *owner;
};

/* NULL: e says why (no memory, no thread). The name is copied. */
struct wsm_resolve *
wsm_resolve_start (struct uv_loop_s *uv,
                   const struct wsm_resolve_request *request,
                   struct wsm_error *e);

/* Frees it; done is not called any more. Not from inside done. */
void wsm_resolve_cancel (struct wsm_resolve *r);

/* Blocks until the name is resolved. NULL: e says why. The list is freeaddrinfo's. */
struct addrinfo *wsm_resolve_wait (const char *host, struct wsm_error *e);

#endif
