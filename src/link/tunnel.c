#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "io/address.h"
#include "link/link_internal.h"
#include "io/resolve.h"
#include "proxy/environment.h"
#include "proxy/proxy_handshake.h"

#define SEAL_BYTES (64u << 10) /* sealed and not yet with the kernel */

struct wsm_tunnel {
  struct wsm_proxy proxy; /* spans of text */
  struct wsm_proxy_handshake exchange;
  struct wsm_resolve *resolve; /* of the target's name, for socks5 */
  struct wsm_tls *tls;         /* to an https proxy, as long as it lasts */
  struct wsm_buffer in, out;
  struct wsm_error error;         /* of the last seal, to be told */
  size_t sealed;                  /* of the bytes that are offered again */
  bool shaken;                    /* TLS to the proxy is open */
  bool open;                      /* the way is free */
  bool closed;                    /* our close_notify is on its way */
  char address[INET6_ADDRSTRLEN]; /* of the target, for socks5 */
  char place[WSM_PROXY_PLACE];
  char *host;  /* the proxy's, terminated, behind text */
  char text[]; /* its URL */
};

/* --- which proxy --- */

static struct wsm_span of_environment (const struct wsm_link *l) {
  struct wsm_environment env;
  struct wsm_url url;
  memset(&url, 0, sizeof url);
  url.secure = l->secure;
  url.host = wsm_span_of(l->host);
  url.port = l->port;
  env.http_proxy = getenv("http_proxy");
  env.https_proxy = getenv("https_proxy");
  env.HTTPS_PROXY = getenv("HTTPS_PROXY");
  env.all_proxy = getenv("all_proxy");
  env.ALL_PROXY = getenv("ALL_PROXY");
  env.no_proxy = getenv("no_proxy");
  env.NO_PROXY = getenv("NO_PROXY");
  return wsm_environment_proxy(&env, &url);
}

static void name_target (struct wsm_link *l, const char *host) {
  struct wsm_tunnel *t = l->tunnel;
  t->exchange.proxy = &t->proxy;
  t->exchange.host = wsm_span_of(host);
  t->exchange.port = l->port;
}

static bool make (struct wsm_link *l, struct wsm_span text,
                  struct wsm_error *e) {
  struct wsm_tunnel *t = wsm_zalloc(sizeof *t + 2 * (text.length + 1));
  if (!t) {
    wsm_error_set(e, WSM_FULL, "no memory for a proxy");
    return false;
  }
  l->tunnel = t;
  memcpy(t->text, text.text, text.length);
  if (!wsm_proxy_parse(&t->proxy, t->text, text.length, e)) return false;
  t->host = t->text + text.length + 1;
  memcpy(t->host, t->proxy.host.text, t->proxy.host.length);
  t->in.pool = t->out.pool = wsm_loop_pool(l->post.loop);
  l->manager.via = wsm_proxy_place(t->place, &t->proxy);
  name_target(l, l->host);
  return true;
}

bool wsm_tunnel_choose (struct wsm_link *l, struct wsm_error *e) {
  struct wsm_span proxy = wsm_span_of(l->proxy);
  if (wsm_span_is(proxy, "env")) proxy = of_environment(l);
  return proxy.length == 0 || make(l, proxy, e);
}

void wsm_tunnel_free (struct wsm_link *l) {
  struct wsm_tunnel *t = l->tunnel;
  l->tunnel = NULL;
  l->manager.via = NULL;
  if (t->resolve) wsm_resolve_cancel(t->resolve);
  wsm_tls_free(t->tls);
  wsm_buffer_clear(&t->in);
  wsm_buffer_clear(&t->out);
  wsm_free(t);
}

void wsm_tunnel_blame (const struct wsm_link *l, const struct wsm_error *why,
                       struct wsm_error *e) {
  wsm_error_set(e, why->token, "the proxy %s is out of reach: %s",
                l->tunnel->place, why->detail);
  e->final = why->final;
}

/* --- the way to it --- */

static void reach (struct wsm_link *l) {
  wsm_link_reach(l, l->tunnel->host, l->tunnel->proxy.port);
}

static void on_resolved (void *owner, const struct addrinfo *list,
                         const struct wsm_error *why) {
  struct wsm_link *l = owner;
  struct wsm_tunnel *t = l->tunnel;
  struct wsm_address to[WSM_ADDRESS_LIMIT];
  struct wsm_error e = *why;
  const size_t n = wsm_address_sort(to, list, l->port);
  t->resolve = NULL;
  if (n > 0) {
    wsm_address_text(to, t->address, sizeof t->address);
    name_target(l, t->address);
    reach(l);
  } else {
    if (e.token == WSM_NONE)
      wsm_error_set(&e, WSM_RESOLVE,
                    "%.150s has neither an IPv4 nor an IPv6 address", l->host);
    wsm_link_fail(l, &e);
  }
  wsm_link_act(l);
}

static void resolve (struct wsm_link *l) {
  struct wsm_resolve_request order;
  struct wsm_error e;
  order.host = l->host;
  order.done = on_resolved;
  order.owner = l;
  l->tunnel->resolve = wsm_resolve_start(wsm_loop_uv(l->post.loop), &order, &e);
  if (!l->tunnel->resolve) wsm_link_fail(l, &e);
}

void wsm_tunnel_dial (struct wsm_link *l) {
  struct wsm_address ignored;
  if (l->tunnel->proxy.kind == WSM_PROXY_SOCKS5 &&
      !wsm_address_numeric(&ignored, l->host, l->port))
    resolve(l);
  else reach(l);
}

/* --- words with it --- */

/* true when all that waits is with the kernel. */
static bool drain (struct wsm_link *l) {
  struct wsm_tunnel *t = l->tunnel;
  struct wsm_buffer *out = t->tls ? wsm_tls_output(t->tls) : &t->out;
  const size_t n = wsm_buffer_length(out);
  long taken;
  if (n == 0) return true;
  taken = wsm_socket_write(l->socket, wsm_buffer_bytes(out), n);
  wsm_buffer_consume(out, taken > 0 ? (size_t)taken : 0);
  return taken == (long)n;
}

static void say (struct wsm_link *l) {
  struct wsm_tunnel *t = l->tunnel;
  struct wsm_error e;
  if (t->tls && wsm_buffer_length(&t->out) > 0) {
    if (!wsm_tls_seal(t->tls, wsm_buffer_bytes(&t->out),
                      wsm_buffer_length(&t->out), &e)) {
      wsm_link_fail(l, &e);
      return;
    }
    wsm_buffer_clear(&t->out);
  }
  drain(l);
}

static void speak (struct wsm_link *l) {
  struct wsm_tunnel *t = l->tunnel;
  struct wsm_error e;
  if (wsm_proxy_handshake_start(&t->exchange, &t->out, &e)) say(l);
  else wsm_link_fail(l, &e);
}

/* Taken out of the tunnel, which may end in the middle of it. */
static void deliver (struct wsm_link *l, struct wsm_buffer *bytes) {
  if (l->socket && wsm_buffer_length(bytes) > 0)
    wsm_carry_in(l, wsm_buffer_bytes(bytes), wsm_buffer_length(bytes));
  wsm_buffer_clear(bytes);
}

static struct wsm_buffer take_in (struct wsm_tunnel *t) {
  const struct wsm_buffer in = t->in;
  memset(&t->in, 0, sizeof t->in);
  t->in.pool = in.pool;
  return in;
}

/* Without TLS to the proxy there is nothing left to do here. */
static void open_way (struct wsm_link *l) {
  struct wsm_tunnel *t = l->tunnel;
  struct wsm_buffer rest = take_in(t);
  t->open = true;
  if (!t->tls) {
    wsm_tunnel_free(l);
    wsm_socket_pass(l->socket, &wsm_carry_calls);
  }
  l->manager.via = NULL;
  if (l->secure) wsm_carry_secure(l);
  else wsm_carry_opened(l);
  deliver(l, &rest);
}

static void listen_to (struct wsm_link *l) {
  struct wsm_tunnel *t = l->tunnel;
  struct wsm_buffer in;
  struct wsm_error e;
  if (t->open) {
    in = take_in(t);
    deliver(l, &in);
    return;
  }
  switch (wsm_proxy_handshake_read(&t->exchange, &t->in, &t->out, &e)) {
    case WSM_PROXY_HANDSHAKE_MORE:
      say(l);
      break;
    case WSM_PROXY_HANDSHAKE_OPEN:
      open_way(l);
      break;
    case WSM_PROXY_HANDSHAKE_FAILED:
      wsm_link_fail(l, &e);
      break;
  }
}

/* --- TLS with it --- */

static void fail_in_tls (struct wsm_link *l, const struct wsm_error *why) {
  struct wsm_error e;
  wsm_error_set(&e, why->token, "TLS with the proxy %s: %s", l->tunnel->place,
                why->detail);
  e.final = why->final;
  wsm_link_fail(l, &e);
}

static void end (struct wsm_link *l) {
  struct wsm_error e;
  if (!l->tunnel->open) wsm_proxy_handshake_ended(&l->tunnel->exchange, &e);
  wsm_link_fail(l, l->tunnel->open ? NULL : &e);
}

static void on_tls (struct wsm_link *l, enum wsm_tls_status status,
                    const struct wsm_error *e) {
  struct wsm_tunnel *t = l->tunnel;
  drain(l); /* the handshake, or the alert */
  if (status == WSM_TLS_OPEN && !t->shaken) {
    t->shaken = true;
    speak(l);
  }
  if (l->tunnel == t && wsm_buffer_length(&t->in) > 0) listen_to(l);
  if (l->tunnel != t || !l->socket) return;
  if (status == WSM_TLS_ENDED) end(l);
  if (status == WSM_TLS_FAILED) fail_in_tls(l, e);
}

void wsm_tunnel_begin (struct wsm_link *l) {
  struct wsm_tunnel *t = l->tunnel;
  struct wsm_error e;
  if (t->proxy.kind != WSM_PROXY_HTTPS) {
    speak(l);
    return;
  }
  if (l->proxy_tls) t->tls = wsm_tls_new(l->proxy_tls, t->host, t->in.pool, &e);
  else wsm_error_set(&e, WSM_TLS, "there are no TLS rules for it");
  if (t->tls) on_tls(l, wsm_tls_start(t->tls, &e), &e);
  else fail_in_tls(l, &e);
}

static bool seal (struct wsm_link *l, const unsigned char *bytes, size_t n) {
  struct wsm_tunnel *t = l->tunnel;
  if (n > SEAL_BYTES) n = SEAL_BYTES;
  if (t->error.token == WSM_NONE && wsm_tls_seal(t->tls, bytes, n, &t->error)) {
    t->sealed = n;
    return true;
  }
  wsm_socket_ask(l->socket);
  return false;
}

long wsm_tunnel_write (struct wsm_link *l, const void *bytes, size_t n) {
  struct wsm_tunnel *t = l->tunnel;
  const unsigned char *from = bytes;
  size_t taken = 0;
  while (taken < n) {
    if (t->sealed == 0 && !seal(l, from + taken, n - taken)) break;
    if (!drain(l)) break;
    taken += t->sealed;
    t->sealed = 0;
  }
  return (long)taken;
}

bool wsm_tunnel_finish (struct wsm_link *l) {
  struct wsm_tunnel *t = l->tunnel;
  if (!t->closed) wsm_tls_close(t->tls);
  t->closed = true;
  return drain(l);
}

/* --- its socket --- */

static void on_readable (void *owner) {
  struct wsm_link *l = owner;
  struct wsm_tunnel *t = l->tunnel;
  unsigned char *bytes = wsm_loop_scratch(l->post.loop);
  const size_t n = wsm_socket_read(l->socket, bytes, WSM_SCRATCH_SIZE);
  struct wsm_error e;
  if (n == 0) return;
  if (t->tls) {
    const enum wsm_tls_status status =
      wsm_tls_feed(t->tls, bytes, n, &t->in, &e);
    on_tls(l, status, &e);
  } else if (wsm_buffer_append(&t->in, bytes, n)) {
    listen_to(l);
  } else {
    wsm_error_set(&e, WSM_FULL, "no memory for the answer of the proxy %s",
                  t->place);
    wsm_link_fail(l, &e);
  }
  wsm_link_act(l);
}

static void on_writable (void *owner) {
  struct wsm_link *l = owner;
  struct wsm_tunnel *t = l->tunnel;
  if (t->error.token != WSM_NONE) fail_in_tls(l, &t->error);
  else if (drain(l) && t->open) wsm_carry_calls.writable(l);
  wsm_link_act(l);
}

static void on_lost (void *owner, bool reset) {
  struct wsm_link *l = owner;
  const struct wsm_tunnel *t = l->tunnel;
  struct wsm_error e;
  if (t->open) {
    wsm_carry_calls.lost(l, reset);
    return;
  }
  l->socket = NULL;
  if (t->tls && !t->shaken) {
    wsm_error_set(&e, WSM_TLS,
                  "the proxy %s ended the connection during the TLS handshake",
                  t->place);
    wsm_link_fail(l, &e);
  } else {
    end(l);
  }
  wsm_link_act(l);
}

const struct wsm_socket_calls wsm_tunnel_calls = { on_readable, on_writable,
                                                   on_lost };
