/*
** environment.h - which proxy the environment names for a URL
** Stands on url.h and ip.h, and on curl's rules: an empty variable is none, a
** lower-case name comes before its upper-case one, and HTTP_PROXY is never
** read, for a CGI's caller could set it.
** Never reads the environment itself.
*/
#ifndef WSM_ENVIRONMENT_H
#define WSM_ENVIRONMENT_H

#include <stdbool.h>
#include "base/span.h"
#include "http/url.h"

/* The values of the variables of these names; all may be NULL. */
struct wsm_environment {
  const char *http_proxy;                /* for ws */
  const char *https_proxy, *HTTPS_PROXY; /* for wss */
  const char *all_proxy, *ALL_PROXY;     /* when there is none of those */
  const char *no_proxy, *NO_PROXY;
};

/* The proxy for that URL, as the environment writes it; empty: none. */
struct wsm_span wsm_environment_proxy (const struct wsm_environment *env,
                                       const struct wsm_url *url);

/* Is the URL's host on the list? Its entries are separated by commas or
** spaces: "*" for all; a name for itself and all below it, whether or not it
** begins with a dot; an address; a network as 10.0.0.0/8 or fd00::/8. A port
** may follow a name or an address (in brackets, if it is IPv6): then only that
** one is meant. */
bool wsm_environment_no_proxy_matches (const char *no_proxy,
                                       const struct wsm_url *url);

#endif
