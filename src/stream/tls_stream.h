/*
** tls_stream.h - TLS over the stream below, both roles
** Depends on tls.h and on loop.h for its scratch. write counts plaintext as taken
** once the kernel has taken all of its record.
** Never verifies a certificate itself: tls.h does.
*/
#ifndef WSM_TLS_STREAM_H
#define WSM_TLS_STREAM_H

#include "stream/stream.h"

struct wsm_loop;
struct wsm_tls_context;

struct wsm_tls_stream_setup {
  struct wsm_loop *loop;           /* borrowed for its life */
  struct wsm_tls_context *context; /* retained */
  const char *host; /* verified and sent (SNI); copied. NULL: we are a server */
  const char *peer; /* "the proxy a:1" in errors, borrowed for its life; NULL:
                       the host, with the bare errors of TLS */
  bool anonymous;   /* a client's certificate is not for this server */
  bool other_host;  /* nor is the name of its option hostname */
};

/* Owns below from now on; closes it on failure. NULL: e says why. */
struct wsm_stream *wsm_tls_stream_new (struct wsm_stream *below,
                                       const struct wsm_tls_stream_setup *setup,
                                       struct wsm_error *e);

#endif
