/*
** resolve.h - from a name to addresses, off the loop's thread
** Depends on libuv's getaddrinfo, which runs in libuv's own threads: the
** system's resolver with all its rules (hosts file, search list, RFC 6724).
** Never caches and has no deadline of its own.
**
** A request that a thread has begun cannot be stopped: once cancelled it frees
** itself when the thread is done. The libuv loop has to live on until then; a
** reactor does.
*/
#ifndef WSM_RESOLVE_H
#define WSM_RESOLVE_H

#include "base/error.h"

struct addrinfo;
struct uv_loop_s;
struct wsm_resolve;

/* list is without ports and only valid during the call. NULL: e says why. Called
** once, from the loop, never from inside wsm_resolve_start. */
typedef void wsm_resolve_done (void *owner, const struct addrinfo *list,
                               const struct wsm_error *e);

struct wsm_resolve_request {
  const char *host;
  wsm_resolve_done *done;
  void *owner;
};

/* NULL: e says why (no memory, not a name). The name is copied. */
struct wsm_resolve *
wsm_resolve_start (struct uv_loop_s *uv,
                   const struct wsm_resolve_request *request,
                   struct wsm_error *e);

/* done is not called any more. Not from inside done. */
void wsm_resolve_cancel (struct wsm_resolve *r);

/* Blocks until the name is resolved. NULL: e says why. The list is to be freed
** with uv_freeaddrinfo. */
struct addrinfo *wsm_resolve_wait (struct uv_loop_s *uv, const char *host,
                                   struct wsm_error *e);

#endif
