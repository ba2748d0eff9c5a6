/*
** resolve.h - from a name to addresses, off the loop's thread
** Stands on libuv's getaddrinfo, which runs in libuv's own threads: the
** system's resolver with all its rules (hosts file, search list, RFC 6724).
** Never caches, never gives up by itself: deadlines are the caller's.
**
** A request that a thread is already at work on cannot be stopped. Cancelled,
** it is on its own and frees itself when the thread comes back; until then
** uv_loop_alive() of its loop stays true. Who ends a loop turns it until it is
** not alive, or, if that takes too long, leaves loop and request to the process
** (neither closed nor freed: the thread still writes there).
*/
#ifndef WSM_RESOLVE_H
#define WSM_RESOLVE_H

#include "base/error.h"

struct addrinfo;
struct uv_loop_s;
struct wsm_resolve;

/* list is lent for the call, with no port set; NULL: e says why. Called once,
** from the loop, never from inside wsm_resolve_start. */
typedef void wsm_resolve_done (void *owner, const struct addrinfo *list,
                               const struct wsm_error *e);

struct wsm_resolve_request {
  const char *host;
  wsm_resolve_done *done;
  void *owner;
};

/* NULL: e says why (no memory, no name at all). The name is copied. */
struct wsm_resolve *wsm_resolve_start (struct uv_loop_s *uv,
                                       const struct wsm_resolve_request *order,
                                       struct wsm_error *e);

/* done is not called. Not from inside done. */
void wsm_resolve_cancel (struct wsm_resolve *r);

/* The same, waiting for the answer. NULL: e says why. The list is freed with
** uv_freeaddrinfo. */
struct addrinfo *wsm_resolve_wait (struct uv_loop_s *uv, const char *host,
                                   struct wsm_error *e);

#endif
