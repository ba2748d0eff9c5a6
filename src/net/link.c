#include "net/link.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include "common/memory.h"
#include "net/dial.h"
#include "net/socket.h"

#define FLUSH_BYTES (64 * 1024)    /* written before the turn ends */
#define SEAL_BYTES (64 * 1024)     /* encrypted and not yet with the kernel */
#define KEYS_AHEAD 256             /* for the answers that one read may cause */

struct wsm_link {
  struct wsm_post post;
  struct wsm_manager manager;
  struct wsm_seat seat;
  const struct wsm_link_keeper *keeper_calls;
  void *keeper;
  struct wsm_dial *dial;
  struct wsm_socket *socket;
  struct wsm_tls_context *tls_context;
  struct wsm_tls *tls;
  struct wsm_ask ask;              /* of wsm_link_fix */
  char *host;                      /* of the dial, terminated */
  size_t sealed;                   /* plaintext in the TLS output */
  int port;
  bool fixed, secure;
  bool tls_open;
  bool blocked;                    /* the kernel takes no more: `writable` comes */
  bool resting;                    /* the inbox is full */
  bool finished;                   /* the end was written */
};

static struct wsm_link *link_of (struct wsm_post *post) {
  return (struct wsm_link *)(void *)post;    /* its first member */
}

/* --- out --- */

/* How many bytes the kernel took; the socket says when it takes more. */
static size_t write_some (struct wsm_link *l, const void *bytes, size_t n) {
  long taken = wsm_socket_write(l->socket, bytes, n);
  wsm_loop_count(l->post.loop)->writes++;
  l->blocked = taken < 0 || (size_t)taken < n;
  return taken < 0 ? 0 : (size_t)taken;
}

static void write_plain (struct wsm_link *l) {
  size_t n;
  const unsigned char *bytes = wsm_session_output(&l->manager.session, &n);
  if (n > 0)
    wsm_manager_wrote(&l->manager, write_some(l, bytes, n), wsm_link_now(l));
}

/* true when all ciphertext is with the kernel. */
static bool write_cipher (struct wsm_link *l) {
  struct wsm_buffer *out = wsm_tls_output(l->tls);
  size_t n = wsm_buffer_length(out);
  if (n > 0) wsm_buffer_consume(out, write_some(l, wsm_buffer_bytes(out), n));
  return wsm_buffer_length(out) == 0;
}

static void fail (struct wsm_link *l, const struct wsm_error *e);

static void write_sealed (struct wsm_link *l) {
  while (write_cipher(l)) {
    struct wsm_error e;
    size_t n;
    const unsigned char *bytes;
    if (l->sealed > 0)
      wsm_manager_wrote(&l->manager, l->sealed, wsm_link_now(l));
    l->sealed = 0;
    bytes = wsm_session_output(&l->manager.session, &n);
    if (n == 0 || !l->tls_open) return;
    l->sealed = n < SEAL_BYTES ? n : SEAL_BYTES;
    if (!wsm_tls_seal(l->tls, bytes, l->sealed, &e)) {
      l->sealed = 0;
      fail(l, &e);
      return;
    }
  }
}

/* The last bytes, and then the end. */
static void finish (struct wsm_link *l) {
  if (l->finished || l->blocked || wsm_session_pending(&l->manager.session))
    return;
  if (l->tls && l->tls_open) {
    wsm_tls_close(l->tls);
    l->tls_open = false;
    if (!write_cipher(l)) return;
  }
  l->finished = true;
  wsm_socket_finish(l->socket);
}

static void write_out (struct wsm_link *l) {
  if (!l->socket || l->blocked) return;
  if (l->tls) write_sealed(l);
  else write_plain(l);
  if (l->socket && l->manager.want == WSM_WANT_FLUSH) finish(l);
}

/* --- what the manager wants --- */

static void hang_up (struct wsm_link *l) {
  if (l->dial) wsm_dial_cancel(l->dial);
  if (l->socket) wsm_socket_close(l->socket);
  if (l->tls) wsm_tls_free(l->tls);
  l->dial = NULL;
  l->socket = NULL;
  l->tls = NULL;
  l->sealed = 0;
  l->tls_open = l->blocked = l->resting = l->finished = false;
  l->manager.paused = false;
}

static void on_dialled (void *owner, int fd, const struct wsm_error *e);

static void dial (struct wsm_link *l) {
  struct wsm_dial_order order;
  struct wsm_error e;
  if (l->dial || l->socket) return;
  memset(&order, 0, sizeof order);
  order.host = l->host;
  order.port = l->port;
  if (l->host)
    l->dial = wsm_dial_start(wsm_loop_uv(l->post.loop), &order, on_dialled, l);
  if (l->dial) return;
  wsm_error_set(&e, WSM_FULL, "no memory for a connection");
  fail(l, &e);
}

static void obey (struct wsm_link *l) {
  if (l->manager.want == WSM_WANT_TARGET) {
    hang_up(l);
    if (l->fixed) wsm_link_target(l, &l->ask);
  }
  switch ((enum wsm_want)l->manager.want) {
    case WSM_WANT_SOCKET: dial(l); break;
    case WSM_WANT_FLUSH: write_out(l); break;
    case WSM_WANT_NO_SOCKET: hang_up(l); break;
    case WSM_WANT_TARGET: break;
    case WSM_WANT_NOTHING: break;
  }
}

/* A full inbox stops reading, so that the peer feels it. */
static void regulate (struct wsm_link *l) {
  const struct wsm_manager *m = &l->manager;
  size_t limit = m->policy->inbox_bytes, unread;
  bool rest;
  if (!l->socket || limit == 0) return;
  unread = wsm_manager_unread(m);
  rest = l->resting ? unread > limit / 2 : unread >= limit && m->session.held;
  if (rest == l->resting) return;
  l->resting = rest;
  l->manager.paused = rest;
  if (!rest) l->manager.heard_ms = wsm_link_now(l);
  wsm_socket_rest(l->socket, rest);
}

static void announce (struct wsm_link *l) {
  const struct wsm_manager *m = &l->manager;
  enum wsm_event event = wsm_manager_event(m);
  if (!l->keeper_calls) {
    if (event != WSM_EVENT_NONE || m->session.held || m->leftover.count > 0)
      wsm_post_ready(&l->post);
  } else if (event == WSM_EVENT_REQUEST) {
    l->keeper_calls->requested(l->keeper, l);
  } else if (m->state == WSM_STATE_CLOSED) {
    l->keeper_calls->ended(l->keeper, l);
  }
}

/* After anything happened. */
static void act (struct wsm_link *l) {
  obey(l);
  regulate(l);
  if (l->socket && !l->blocked && wsm_session_pending(&l->manager.session) > 0)
    wsm_post_dirty(&l->post);
  wsm_post_alarm(&l->post, wsm_manager_deadline(&l->manager));
  announce(l);
}

void wsm_link_settle (struct wsm_link *l) {
  if (!l->post.loop) return;
  wsm_manager_tick(&l->manager, wsm_link_now(l));
  act(l);
  if (!wsm_loop_is_corked(l->post.loop)) wsm_link_flush(l);
}

/* The connection, or the attempt at one, is over. */
static void fail (struct wsm_link *l, const struct wsm_error *e) {
  hang_up(l);
  wsm_manager_lost(&l->manager, e, wsm_link_now(l));
}

/* --- in --- */

/* A server has nothing to say before it has heard the request. */
static void connected (struct wsm_link *l) {
  if (l->manager.role == WSM_CLIENT)
    wsm_manager_connected(&l->manager, wsm_link_now(l));
}

static void on_tls (struct wsm_link *l, enum wsm_tls_status status,
                    const struct wsm_error *e) {
  switch (status) {
    case WSM_TLS_HANDSHAKE:
      break;
    case WSM_TLS_OPEN:
      if (!l->tls_open) {
        l->tls_open = true;
        connected(l);
      }
      break;
    case WSM_TLS_ENDED:
      fail(l, NULL);
      break;
    case WSM_TLS_FAILED:
      write_cipher(l);             /* the alert */
      fail(l, e);
      break;
  }
}

static void read_sealed (struct wsm_link *l, const unsigned char *bytes,
                         size_t n) {
  struct wsm_error e;
  struct wsm_buffer *in = &l->manager.session.in;
  size_t before = wsm_buffer_length(in);
  bool was_open = l->tls_open;
  enum wsm_tls_status status = wsm_tls_feed(l->tls, bytes, n, in, &e);
  size_t plain = wsm_buffer_length(in) - before;
  if (!was_open) on_tls(l, status, &e);
  if (plain > 0 && l->socket)
    wsm_manager_received(&l->manager, plain, wsm_link_now(l));
  if (was_open) on_tls(l, status, &e);
  if (l->tls && wsm_buffer_length(wsm_tls_output(l->tls)) > 0) write_out(l);
}

static void read_plain (struct wsm_link *l, const unsigned char *bytes,
                        size_t n) {
  struct wsm_error e;
  unsigned char *to = wsm_session_reserve(&l->manager.session, n);
  if (!to) {
    wsm_error_set(&e, WSM_FULL, "no memory for %zu bytes of the peer", n);
    fail(l, &e);
    return;
  }
  memcpy(to, bytes, n);
  wsm_session_commit(&l->manager.session, n);
  wsm_manager_received(&l->manager, n, wsm_link_now(l));
}

static void on_read (void *owner, unsigned char *bytes, size_t n) {
  struct wsm_link *l = owner;
  wsm_loop_count(l->post.loop)->reads++;
  wsm_loop_keys(l->post.loop, KEYS_AHEAD);
  if (l->tls) read_sealed(l, bytes, n);
  else read_plain(l, bytes, n);
  act(l);
  if (l->manager.session.held) wsm_post_dirty(&l->post);
}

static void on_writable (void *owner) {
  struct wsm_link *l = owner;
  l->blocked = false;
  write_out(l);
  act(l);
}

static void on_lost (void *owner, bool reset) {
  struct wsm_link *l = owner;
  struct wsm_error e;
  bool handshake = l->tls && !l->tls_open && !l->finished;
  l->socket = NULL;
  if (handshake)
    wsm_error_set(&e, WSM_TLS, "%s ended the connection during the TLS "
                  "handshake", l->host ? l->host : "the client");
  else if (reset)
    wsm_error_set(&e, WSM_CLOSED, "the peer reset the connection");
  fail(l, handshake || reset ? &e : NULL);
  act(l);
}

static const struct wsm_socket_calls socket_calls = {
  on_read, on_writable, on_lost
};

/* --- the way to open --- */

static void start_tls (struct wsm_link *l) {
  struct wsm_error e;
  if (!l->tls_context) {
    wsm_error_set(&e, WSM_TLS, "there are no TLS rules for %s", l->host);
    e.final = true;
    fail(l, &e);
    return;
  }
  l->tls = wsm_tls_new(l->tls_context, l->host, wsm_loop_pool(l->post.loop),
                       &e);
  if (!l->tls) fail(l, &e);
  else if (l->host) on_tls(l, wsm_tls_start(l->tls, &e), &e);
  if (l->tls) write_out(l);
}

static bool adopt (struct wsm_link *l, int fd, struct wsm_error *e) {
  l->socket = wsm_socket_adopt(wsm_loop_sockets(l->post.loop), fd,
                               &socket_calls, l, e);
  return l->socket != NULL;
}

static void on_dialled (void *owner, int fd, const struct wsm_error *why) {
  struct wsm_link *l = owner;
  struct wsm_error e;
  l->dial = NULL;
  if (fd < 0) fail(l, why);
  else if (!adopt(l, fd, &e)) fail(l, &e);
  else if (l->secure) start_tls(l);
  else connected(l);
  act(l);
}

static bool copy_host (struct wsm_link *l, const struct wsm_url *url) {
  char *host = wsm_alloc(url->host.length + 1);
  if (!host) return false;
  memcpy(host, url->host.text, url->host.length);
  host[url->host.length] = '\0';
  wsm_free(l->host);
  l->host = host;
  l->port = url->port;
  l->secure = url->secure;
  return true;
}

void wsm_link_target (struct wsm_link *l, const struct wsm_ask *ask) {
  unsigned char nonce[WSM_NONCE_SIZE];
  struct wsm_error e;
  if (copy_host(l, ask->url) && RAND_bytes(nonce, sizeof nonce) == 1) {
    wsm_manager_target(&l->manager, ask, nonce, wsm_link_now(l));
    return;
  }
  wsm_error_set(&e, WSM_FULL, "no memory or no random bytes for a dial");
  fail(l, &e);
}

void wsm_link_fix (struct wsm_link *l, const struct wsm_ask *ask) {
  l->ask = *ask;
  l->fixed = true;
}

void wsm_link_secure (struct wsm_link *l, struct wsm_tls_context *tls) {
  struct wsm_tls_context *old = l->tls_context;
  l->tls_context = tls ? wsm_tls_context_retain(tls) : NULL;
  if (old) wsm_tls_context_release(old);
}

bool wsm_link_is_secured (const struct wsm_link *l) {
  return l->tls_context != NULL;
}

/* --- as a post of the loop --- */

static void on_ring (struct wsm_post *post, uint64_t now_ms) {
  struct wsm_link *l = link_of(post);
  wsm_manager_tick(&l->manager, now_ms);
  act(l);
}

/* Pings behind messages that nobody took in a whole turn are answered. */
static void on_flush (struct wsm_post *post, bool first) {
  struct wsm_link *l = link_of(post);
  if (l->manager.session.held) {
    if (first) {
      wsm_session_glance(&l->manager.session);
      wsm_post_alarm(post, wsm_manager_deadline(&l->manager));
    } else {
      wsm_post_dirty(post);
    }
  }
  wsm_link_flush(l);
}

/* The loop goes: what stands on it goes first. */
static void on_loop_lost (struct wsm_post *post) {
  struct wsm_link *l = link_of(post);
  hang_up(l);
  wsm_manager_free(&l->manager);
}

static const struct wsm_post_calls post_calls = {
  on_ring, on_flush, on_loop_lost
};

/* --- life --- */

static uint64_t random_seed (void) {
  uint64_t seed = 1;
  if (RAND_bytes((unsigned char *)&seed, sizeof seed) != 1) seed = 1;
  return seed;
}

static struct wsm_link *create (struct wsm_loop *loop,
                                const struct wsm_link_setup *setup,
                                enum wsm_role role) {
  struct wsm_manager_setup manager;
  struct wsm_link *l = wsm_zalloc(sizeof *l);
  if (!l) return NULL;
  if (!wsm_post_attach(&l->post, loop, &post_calls)) {
    wsm_free(l);
    return NULL;
  }
  l->seat.link = l;
  manager.role = role;
  manager.policy = setup->policy;
  manager.keys = wsm_loop_keys(loop, 1);
  manager.pool = wsm_loop_pool(loop);
  manager.seed = random_seed();
  wsm_manager_init(&l->manager, &manager, wsm_loop_refresh(loop));
  wsm_link_secure(l, setup->tls);
  return l;
}

struct wsm_link *wsm_link_new (struct wsm_loop *loop,
                               const struct wsm_link_setup *setup,
                               struct wsm_error *e) {
  struct wsm_link *l = create(loop, setup, WSM_CLIENT);
  if (!l) wsm_error_set(e, WSM_FULL, "no memory for a connection");
  return l;
}

struct wsm_link *wsm_link_accept (struct wsm_loop *loop,
                                  const struct wsm_link_setup *setup, int fd,
                                  struct wsm_error *e) {
  struct wsm_link *l = create(loop, setup, WSM_SERVER);
  if (!l) {
    wsm_error_set(e, WSM_FULL, "no memory for a connection");
    wsm_socket_discard(fd);
    return NULL;
  }
  if (!adopt(l, fd, e)) {
    wsm_link_free(l);
    return NULL;
  }
  if (l->tls_context) start_tls(l);
  wsm_post_alarm(&l->post, wsm_manager_deadline(&l->manager));
  return l;
}

void wsm_link_keep (struct wsm_link *l, const struct wsm_link_keeper *calls,
                    void *keeper) {
  l->keeper_calls = calls;
  l->keeper = keeper;
  if (l->post.loop) announce(l);
}

void wsm_link_free (struct wsm_link *l) {
  if (l->post.loop) {
    hang_up(l);
    wsm_manager_free(&l->manager);
    wsm_post_detach(&l->post);
  }
  if (l->tls_context) wsm_tls_context_release(l->tls_context);
  wsm_free(l->host);
  wsm_free(l);
}

/* --- its owner's side --- */

struct wsm_manager *wsm_link_manager (struct wsm_link *l) {
  return &l->manager;
}

struct wsm_post *wsm_link_post (struct wsm_link *l) {
  return &l->post;
}

struct wsm_seat *wsm_link_seat (struct wsm_link *l) {
  return &l->seat;
}

int64_t wsm_link_id (const struct wsm_link *l) {
  return l->post.id;
}

uint64_t wsm_link_now (struct wsm_link *l) {
  return l->post.loop ? wsm_loop_now(l->post.loop) : 0;
}

void wsm_link_peer (struct wsm_link *l, char *to, size_t n) {
  if (l->socket) wsm_socket_peer(l->socket, to, n);
  else if (n > 0) to[0] = '\0';
}

const struct wsm_tls *wsm_link_tls (const struct wsm_link *l) {
  return l->tls;
}

void wsm_link_flush (struct wsm_link *l) {
  if (!l->post.loop) return;
  write_out(l);
  act(l);
}

/* What was queued leaves at once, or with the turn, or when it is much. */
static void push (struct wsm_link *l) {
  if (!wsm_loop_is_corked(l->post.loop) ||
      wsm_session_pending(&l->manager.session) >= FLUSH_BYTES)
    write_out(l);
  if (!l->post.dirty && wsm_session_pending(&l->manager.session) > 0)
    wsm_post_dirty(&l->post);
}

enum wsm_sent wsm_link_send (struct wsm_link *l, unsigned opcode,
                             const void *data, size_t n) {
  enum wsm_sent sent;
  wsm_loop_keys(l->post.loop, 1);
  sent = wsm_manager_send(&l->manager, opcode, data, n);
  if (sent == WSM_SENT) push(l);
  return sent;
}

enum wsm_sent wsm_link_send_frame (struct wsm_link *l, const void *frame,
                                   size_t n) {
  struct wsm_manager *m = &l->manager;
  if (m->state != WSM_STATE_OPEN) return WSM_NOT_OPEN;
  if (wsm_session_pending(&m->session) >= m->policy->output_bytes)
    return WSM_NOT_FULL;
  if (!wsm_session_send_frame(&m->session, frame, n)) return WSM_NOT_FULL;
  m->counters.messages_out++;
  push(l);
  return WSM_SENT;
}

enum wsm_input wsm_link_next (struct wsm_link *l, struct wsm_message *m) {
  enum wsm_input input = wsm_manager_next(&l->manager, m, wsm_link_now(l));
  if (input != WSM_MESSAGE) act(l);
  return input;
}

void wsm_link_pop (struct wsm_link *l) {
  wsm_manager_pop(&l->manager);
  if (l->resting) regulate(l);
}
