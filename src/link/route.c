#include "link/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "io/address.h"
#include "io/connect.h"
#include "io/hosts.h"
#include "io/loop.h"
#include "io/resolve.h"
#include "proxy/environment.h"
#include "proxy/proxy_url.h"
#include "stream/stack.h"
#include "base/hidden.h"

#define PROXY_LABEL "the proxy "
#define PROXY_LABEL_SIZE (sizeof PROXY_LABEL - 1 + WSM_PROXY_NAME_SIZE)

struct wsm_route {
  struct wsm_route_calls calls;
  struct wsm_loop *loop;
  struct wsm_resolve *resolve; /* of the target's name, for socks5 */
  struct wsm_connect *connect;
  const struct wsm_demoted *demoted;
  struct wsm_place place; /* connected to */
  int port;               /* of the target */
  bool secure;
  struct wsm_proxy proxy;         /* spans of its text */
  char *proxy_host;               /* terminated; NULL: no proxy */
  char address[INET6_ADDRSTRLEN]; /* of the target, for socks5 */
  char label[PROXY_LABEL_SIZE];   /* "the proxy a:1" */
  char host[]; /* of the target; then the proxy's URL, and its host */
};

static void finish (struct wsm_route *r, int fd, const struct wsm_error *e) {
  r->calls.done(r->calls.owner, fd, e);
}

/* --- which proxy --- */

static struct wsm_span of_environment (const struct wsm_url *url) {
  struct wsm_environment env;
  env.http_proxy = getenv("http_proxy");
  env.https_proxy = getenv("https_proxy");
  env.HTTPS_PROXY = getenv("HTTPS_PROXY");
  env.all_proxy = getenv("all_proxy");
  env.ALL_PROXY = getenv("ALL_PROXY");
  env.no_proxy = getenv("no_proxy");
  env.NO_PROXY = getenv("NO_PROXY");
  return wsm_environment_proxy(&env, url);
}

static struct wsm_span choose_proxy (const struct wsm_route_setup *setup) {
  const struct wsm_span none = { "", 0 };
  if (!setup->proxy) return none;
  if (strcmp(setup->proxy, "env") == 0) return of_environment(setup->url);
  return wsm_span_of(setup->proxy);
}

/* Copies the proxy's URL to `text`, and behind it its host. */
static bool take_proxy (struct wsm_route *r, char *text, struct wsm_span proxy,
                        struct wsm_error *e) {
  if (proxy.length == 0) return true;
  memcpy(text, proxy.text, proxy.length);
  if (!wsm_proxy_parse(&r->proxy, text, proxy.length, e)) return false;
  r->proxy_host = text + proxy.length + 1;
  memcpy(r->proxy_host, r->proxy.host.text, r->proxy.host.length);
  memcpy(r->label, PROXY_LABEL, sizeof PROXY_LABEL - 1);
  wsm_proxy_name(r->label + sizeof PROXY_LABEL - 1, &r->proxy);
  return true;
}

const char *wsm_route_proxy_name (const struct wsm_route *r) {
  return r->proxy_host ? r->label + sizeof PROXY_LABEL - 1 : NULL;
}

const struct wsm_place *wsm_route_place (const struct wsm_route *r) {
  return &r->place;
}

/* --- connecting --- */

static void on_connected (void *owner, int fd, const struct wsm_error *why) {
  struct wsm_route *r = owner;
  struct wsm_error e = *why;
  /* a lone address cannot go last */
  if (fd >= 0 && wsm_connect_choices(r->connect) > 1)
    wsm_place_of_peer(&r->place, fd);
  r->connect = NULL;
  if (fd < 0 && r->proxy_host) {
    wsm_error_set(&e, why->token, "cannot connect to %s: %s", r->label,
                  why->detail);
    e.final = why->final;
  }
  finish(r, fd, &e);
}

static bool connect_to (struct wsm_route *r, struct wsm_error *e) {
  struct wsm_connect_options options;
  memset(&options, 0, sizeof options);
  options.host = r->proxy_host ? r->proxy_host : r->host;
  options.port = r->proxy_host ? r->proxy.port : r->port;
  options.demoted = r->demoted;
  r->connect =
    wsm_connect_start(wsm_loop_uv(r->loop), &options, on_connected, r);
  if (!r->connect) wsm_error_set(e, WSM_FULL, "no memory for a connection");
  return r->connect != NULL;
}

static void on_resolved (void *owner, const struct addrinfo *list,
                         const struct wsm_error *why) {
  struct wsm_route *r = owner;
  struct wsm_address to[WSM_ADDRESS_LIMIT];
  struct wsm_error e = *why;
  const size_t n = wsm_address_sort(to, list, r->port);
  r->resolve = NULL;
  if (n > 0) {
    wsm_address_text(to, r->address, sizeof r->address);
    if (connect_to(r, &e)) return;
  } else if (e.token == WSM_NONE) {
    wsm_error_set(&e, WSM_RESOLVE,
                  "%.150s has neither an IPv4 nor an IPv6 address", r->host);
  }
  finish(r, -1, &e);
}

static bool resolve (struct wsm_route *r, struct wsm_error *e) {
  struct wsm_address to[WSM_ADDRESS_LIMIT];
  struct wsm_resolve_request request;
  if (wsm_hosts_find(to, r->host, r->port) > 0) {
    wsm_address_text(to, r->address, sizeof r->address);
    return connect_to(r, e);
  }
  request.host = r->host;
  request.done = on_resolved;
  request.owner = r;
  r->resolve = wsm_resolve_start(wsm_loop_uv(r->loop), &request, e);
  return r->resolve != NULL;
}

/* With socks5 the target's name is resolved here, with socks5h there. */
static bool needs_address (const struct wsm_route *r) {
  struct wsm_address ignored;
  return r->proxy_host && r->proxy.kind == WSM_PROXY_SOCKS5 &&
         !wsm_address_numeric(&ignored, r->host, r->port);
}

struct wsm_route *wsm_route_start (struct wsm_loop *loop,
                                   const struct wsm_route_setup *setup,
                                   const struct wsm_route_calls *calls,
                                   struct wsm_error *e) {
  const struct wsm_span host = setup->url->host, proxy = choose_proxy(setup);
  struct wsm_route *r =
    wsm_zalloc(sizeof *r + host.length + 1 + 2 * (proxy.length + 1));
  if (!r) {
    wsm_error_set(e, WSM_FULL, "no memory for a connection");
    return NULL;
  }
  r->loop = loop;
  r->calls = *calls;
  memcpy(r->host, host.text, host.length);
  r->port = setup->url->port;
  r->demoted = setup->demoted;
  r->secure = setup->url->secure;
  if (take_proxy(r, r->host + host.length + 1, proxy, e) &&
      (needs_address(r) ? resolve(r, e) : connect_to(r, e)))
    return r;
  wsm_route_free(r);
  return NULL;
}

void wsm_route_free (struct wsm_route *r) {
  if (r->resolve) wsm_resolve_cancel(r->resolve);
  if (r->connect) wsm_connect_cancel(r->connect);
  wsm_free(r);
}

void wsm_route_forget (struct wsm_route *r) {
  wsm_free(r);
}

/* --- the streams --- */

struct wsm_stream *wsm_route_open (struct wsm_route *r, int fd,
                                   const struct wsm_route_tls *tls,
                                   struct wsm_error *e) {
  struct wsm_stack_proxy proxy;
  struct wsm_stack_setup setup;
  proxy.url = &r->proxy;
  proxy.host = r->proxy_host;
  proxy.label = r->label;
  proxy.target = *r->address ? r->address : r->host;
  proxy.tls = tls->proxy;
  setup.loop = r->loop;
  setup.host = r->host;
  setup.port = r->port;
  setup.secure = r->secure;
  setup.anonymous = tls->anonymous;
  setup.other_host = tls->other_host;
  setup.tls = tls->target;
  setup.proxy = r->proxy_host ? &proxy : NULL;
  return wsm_stack_connect(&setup, fd, e);
}
