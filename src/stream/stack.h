/*
** stack.h - the streams of one connection: TLS over a proxy over TLS over a socket
** Depends on the kinds of streams. It decides which of them a connection needs,
** and in which order.
** Never connects, never resolves a name.
*/
#ifndef WSM_STACK_H
#define WSM_STACK_H

#include "stream/stream.h"

struct wsm_loop;
struct wsm_proxy;
struct wsm_tls_context;

/* A proxy on the way. What it points to is borrowed until the top stream is
** closed. */
struct wsm_stack_proxy {
  const struct wsm_proxy *url;
  const char *host;            /* terminated: verified by TLS with the proxy */
  const char *label;           /* "the proxy a:1", for errors */
  const char *target;          /* what it is asked for: a name or address */
  struct wsm_tls_context *tls; /* retained; an https proxy needs it */
};

/* The host is copied. */
struct wsm_stack_setup {
  struct wsm_loop *loop;
  const char *host; /* of the target; TLS verifies it */
  int port;
  bool secure;                         /* wss */
  bool anonymous;                      /* no certificate of ours */
  bool other_host;                     /* tls.hostname is not for it */
  struct wsm_tls_context *tls;         /* retained; wss needs it */
  const struct wsm_stack_proxy *proxy; /* NULL: directly */
};

/* A client's streams over a connected descriptor, which is closed on failure.
** Returns the top one; NULL: e says why. */
struct wsm_stream *wsm_stack_connect (const struct wsm_stack_setup *setup,
                                      int fd, struct wsm_error *e);

/* Likewise a server's, over an accepted descriptor. tls NULL: plain. */
struct wsm_stream *wsm_stack_accept (struct wsm_loop *loop, int fd,
                                     struct wsm_tls_context *tls,
                                     struct wsm_error *e);

#endif
