/*
** route.h - the way to a target: directly, or through a proxy
** Depends on connect.h, resolve.h and stack.h. It finds the proxy that is on the
** way, and connects to it or to the target itself.
** Never reads or writes: the streams over the connected descriptor do.
*/
#ifndef WSM_ROUTE_H
#define WSM_ROUTE_H

#include <stdbool.h>
#include "base/error.h"
#include "io/demoted.h"

struct wsm_loop;
struct wsm_route;
struct wsm_stream;
struct wsm_tls_context;
struct wsm_url;

struct wsm_route_setup {
  const struct wsm_url *url; /* of the target; copied as far as needed */
  const char *proxy;         /* its URL; "env": the one that the environment
                                names; NULL: none. Copied */
  const struct wsm_demoted *demoted; /* tried last; borrowed; NULL: none */
};

/* fd >= 0: connected, now the callee's. -1: e says why. e is lent for the call.
** Called once, never from inside wsm_route_start; it may free the route. */
typedef void wsm_route_done (void *owner, int fd, const struct wsm_error *e);

struct wsm_route_calls {
  wsm_route_done *done;
  void *owner;
};

/* Starts to connect. NULL: e says why (no memory, no such proxy). */
struct wsm_route *wsm_route_start (struct wsm_loop *loop,
                                   const struct wsm_route_setup *setup,
                                   const struct wsm_route_calls *calls,
                                   struct wsm_error *e);

/* "proxy.example.com:3128", the route's own; NULL: there is none. */
const char *wsm_route_proxy_name (const struct wsm_route *route);

/* What it is connected to, of the proxy if there is one; family 0: nothing yet, or
** there was no other address. */
const struct wsm_place *wsm_route_place (const struct wsm_route *route);

/* The rules of TLS with the target and with an https proxy; may be NULL. */
struct wsm_route_tls {
  struct wsm_tls_context *target, *proxy;
  bool anonymous;  /* the target is not to see our certificate */
  bool other_host; /* nor does it have the name of tls.hostname */
};

/* The top of the stack of streams over the descriptor, which is closed on
** failure. It borrows from the route. NULL: e says why. */
struct wsm_stream *wsm_route_open (struct wsm_route *route, int fd,
                                   const struct wsm_route_tls *tls,
                                   struct wsm_error *e);

/* Abandons the attempt. After the stream was closed. */
void wsm_route_free (struct wsm_route *route);

/* In a forked child, instead: whatever is under way is the parent's. */
void wsm_route_forget (struct wsm_route *route);

#endif
