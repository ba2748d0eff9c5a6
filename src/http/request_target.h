/*
** request_target.h - what a request asks for, and of which host
** Depends on head.h. RFC 9112 3.2 and 3.3: the four forms of a request-target,
** and the Host that an absolute one replaces.
** Never decodes and never copies: spans of the head.
*/
#ifndef WSM_REQUEST_TARGET_H
#define WSM_REQUEST_TARGET_H

#include <stdbool.h>
#include "http/head.h"

struct wsm_request_target {
  struct wsm_span host;  /* "example.com:81": of the target, else of Host */
  struct wsm_span path;  /* "/" where the target has none; "*" as it is */
  struct wsm_span query; /* without its '?' */
};

/* Parses the head of a request. NULL, or what is wrong with it: a target of no
** form, a Host that is missing from HTTP/1.1, there twice or none (RFC 9112 3.2:
** the answer is 400); then path is the whole target. */
const char *wsm_request_target_parse (struct wsm_request_target *t,
                                      const struct wsm_head *request);

#endif
