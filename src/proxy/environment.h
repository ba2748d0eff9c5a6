/*
** environment.h - the proxy for a URL by the environment's variables
** Depends on url.h and ip.h. curl's rules: an empty variable counts as none, the
** lower-case name comes before the upper-case one, and HTTP_PROXY is ignored, as
** the client of a CGI program could set it.
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

/* The proxy for that URL, as the variable has it; empty: none. */
struct wsm_span wsm_environment_proxy (const struct wsm_environment *env,
                                       const struct wsm_url *url);

/* Is the URL's host in the list? Entries are separated by commas or spaces: "*"
** for all; a name for itself and its subdomains, with or without a leading dot;
** an address; a network as 10.0.0.0/8 or fd00::/8. A port may follow a name or an
** address (IPv6 in brackets): then only that port matches. */
bool wsm_environment_no_proxy_matches (const char *no_proxy,
                                       const struct wsm_url *url);

#endif
