#include "link/link_internal.h"

#include <openssl/rand.h>
#include <string.h>
#include "base/memory.h"
#include "link/mask_keys.h"

#define EARLY_BYTES 4096        /* the first of a turn: the peer can begin */
#define FLUSH_BYTES (64 * 1024) /* written before the turn ends */
#define KEYS_AHEAD 256          /* for the answers that one read may cause */

static struct wsm_link *link_of (struct wsm_handle *post) {
  return (struct wsm_link *)(void *)post; /* its first member */
}

void wsm_link_supply (struct wsm_link *l) {
  if (l->manager.role == WSM_CLIENT)
    wsm_mask_keys_refill(l->manager.keys, l->manager.outbox.count + KEYS_AHEAD);
}

/* --- what the manager wants --- */

static void hang_up (struct wsm_link *l) {
  if (l->dial) wsm_connect_cancel(l->dial);
  if (l->socket) wsm_socket_close(l->socket);
  if (l->tls) wsm_tls_free(l->tls);
  if (l->tunnel) wsm_tunnel_free(l);
  l->dial = NULL;
  l->socket = NULL;
  l->tls = NULL;
  l->record_count = 0;
  l->tls_open = l->blocked = l->resting = l->finished = false;
  l->manager.paused = false;
}

static void on_dialled (void *owner, int fd, const struct wsm_error *e);

void wsm_link_reach (struct wsm_link *l, const char *host, int port) {
  struct wsm_connect_options order;
  struct wsm_error e;
  memset(&order, 0, sizeof order);
  order.host = host;
  order.port = port;
  if (host)
    l->dial =
      wsm_connect_start(wsm_loop_uv(l->post.loop), &order, on_dialled, l);
  if (l->dial) return;
  wsm_error_set(&e, WSM_FULL, "no memory for a connection");
  wsm_link_fail(l, &e);
}

static void dial (struct wsm_link *l) {
  struct wsm_error e;
  if (l->dial || l->socket || l->tunnel) return;
  if (l->proxy && !wsm_tunnel_choose(l, &e)) wsm_link_fail(l, &e);
  else if (l->tunnel) wsm_tunnel_dial(l);
  else wsm_link_reach(l, l->host, l->port);
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

static void starve (struct wsm_link *l) {
  struct wsm_error e;
  wsm_error_set(&e, WSM_FULL, "no memory or no random bytes for a dial");
  wsm_link_fail(l, &e);
}

static void move (struct wsm_link *l) {
  unsigned char nonce[WSM_NONCE_SIZE];
  if (copy_host(l, l->manager.ask.url) && RAND_bytes(nonce, sizeof nonce) == 1)
    wsm_manager_move(&l->manager, nonce);
  else starve(l);
}

static void obey (struct wsm_link *l) {
  if (l->manager.want == WSM_WANT_TARGET) {
    hang_up(l);
    if (l->fixed) wsm_link_target(l, &l->ask);
  }
  if (l->manager.want == WSM_WANT_MOVE) {
    hang_up(l);
    move(l);
  }
  switch ((enum wsm_want)l->manager.want) {
    case WSM_WANT_SOCKET:
      dial(l);
      break;
    case WSM_WANT_FLUSH:
      wsm_carry_out(l);
      break;
    case WSM_WANT_NO_SOCKET:
      hang_up(l);
      break;
    case WSM_WANT_TARGET:
    case WSM_WANT_MOVE:
      break;
    case WSM_WANT_NOTHING:
      break;
  }
}

static bool is_full (const struct wsm_link *l) {
  const struct wsm_manager *m = &l->manager;
  const size_t limit = m->policy->inbox_bytes, unread = wsm_manager_unread(m);
  if (m->state != WSM_STATE_OPEN)
    return false; /* the peer's close is awaited */
  return l->resting ? unread > limit / 2 : unread >= limit && m->session.held;
}

/* A full inbox stops reading, so that the peer feels it. */
static void regulate (struct wsm_link *l) {
  bool rest;
  if (!l->socket || l->manager.policy->inbox_bytes == 0) return;
  rest = is_full(l);
  if (rest == l->resting) return;
  l->resting = rest;
  l->manager.paused = rest;
  if (!rest) l->manager.heard_ms = wsm_link_now(l);
  wsm_socket_rest(l->socket, rest);
}

static void announce (struct wsm_link *l) {
  const struct wsm_manager *m = &l->manager;
  enum wsm_event event = wsm_manager_event(m);
  if (!l->keeper_calls || l->seat.claimed) {
    if (event != WSM_EVENT_NONE || m->session.held || m->leftover.count > 0)
      wsm_handle_notify(&l->post);
  } else if (event == WSM_EVENT_REQUEST) {
    l->keeper_calls->requested(l->keeper, l);
  }
  if (l->keeper_calls && m->state == WSM_STATE_CLOSED)
    l->keeper_calls->ended(l->keeper, l);
}

/* A beat may be late where the peer has a second to answer it. */
static void set_alarm (struct wsm_link *l) {
  const struct wsm_policy *p = l->manager.policy;
  const bool late = !p->overtime_ms ||
                    p->overtime_ms >= (uint64_t)p->beat_ms + 1000;
  wsm_handle_set_timer(&l->post, wsm_manager_deadline(&l->manager), late);
}

/* After anything happened. */
void wsm_link_act (struct wsm_link *l) {
  obey(l);
  regulate(l);
  if (l->socket && !l->blocked && wsm_session_pending(&l->manager.session) > 0)
    wsm_handle_mark_pending(&l->post);
  set_alarm(l);
  announce(l);
}

void wsm_link_settle (struct wsm_link *l) {
  if (!l->post.loop) return;
  wsm_link_supply(l);
  wsm_manager_tick(&l->manager, wsm_link_now(l));
  wsm_link_act(l);
  if (!wsm_loop_is_corked(l->post.loop)) wsm_link_flush(l);
}

/* The connection, or the attempt at one, is over. */
void wsm_link_fail (struct wsm_link *l, const struct wsm_error *e) {
  hang_up(l);
  wsm_manager_lost(&l->manager, e, wsm_link_now(l));
}

/* --- the way to open --- */

static bool adopt (struct wsm_link *l, int fd, struct wsm_error *e) {
  l->socket = wsm_socket_adopt(wsm_loop_sockets(l->post.loop), fd,
                               l->tunnel ? &wsm_tunnel_calls : &wsm_carry_calls,
                               l, e);
  return l->socket != NULL;
}

/* The request leaves at once: a thousand dials that succeed in one turn would
** each hold a block until its end. */
static void greet (struct wsm_link *l) {
  wsm_carry_opened(l);
  wsm_carry_out(l);
}

static void on_dialled (void *owner, int fd, const struct wsm_error *why) {
  struct wsm_link *l = owner;
  struct wsm_error e;
  l->dial = NULL;
  if (fd < 0 && l->tunnel) wsm_tunnel_blame(l, why, &e);
  else if (fd < 0) e = *why;
  if (fd < 0 || !adopt(l, fd, &e)) wsm_link_fail(l, &e);
  else if (l->tunnel) wsm_tunnel_begin(l);
  else if (l->secure) wsm_carry_secure(l);
  else greet(l);
  wsm_link_act(l);
}

void wsm_link_target (struct wsm_link *l, const struct wsm_request *ask) {
  unsigned char nonce[WSM_NONCE_SIZE];
  if (copy_host(l, ask->url) && RAND_bytes(nonce, sizeof nonce) == 1)
    wsm_manager_target(&l->manager, ask, nonce, wsm_link_now(l));
  else starve(l);
}

void wsm_link_fix (struct wsm_link *l, const struct wsm_request *ask) {
  l->ask = *ask;
  l->fixed = true;
}

static void retain (struct wsm_tls_context **at, struct wsm_tls_context *tls) {
  struct wsm_tls_context *old = *at;
  *at = tls ? wsm_tls_context_retain(tls) : NULL;
  if (old) wsm_tls_context_release(old);
}

void wsm_link_secure (struct wsm_link *l, struct wsm_tls_context *tls) {
  retain(&l->tls_context, tls);
}

void wsm_link_proxy (struct wsm_link *l, const char *proxy,
                     struct wsm_tls_context *tls) {
  l->proxy = proxy;
  retain(&l->proxy_tls, tls);
}

bool wsm_link_is_secured (const struct wsm_link *l) {
  return l->tls_context != NULL;
}

/* --- as a post of the loop --- */

static void on_timer (struct wsm_handle *post, uint64_t now_ms) {
  struct wsm_link *l = link_of(post);
  wsm_link_supply(l);
  wsm_manager_tick(&l->manager, now_ms);
  wsm_link_act(l);
}

/* Pings behind messages that nobody took in a whole turn are answered. */
static void on_flush (struct wsm_handle *post, bool first) {
  struct wsm_link *l = link_of(post);
  l->early = false;
  if (l->manager.session.held) {
    if (first) {
      wsm_session_scan(&l->manager.session);
      set_alarm(l);
    } else {
      wsm_handle_mark_pending(post);
    }
  }
  wsm_link_flush(l);
}

/* The loop goes: what stands on it goes first. */
static void on_loop_closed (struct wsm_handle *post) {
  struct wsm_link *l = link_of(post);
  hang_up(l);
  wsm_manager_free(&l->manager);
}

static const struct wsm_handle_calls post_calls = { on_timer, on_flush,
                                                    on_loop_closed };

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
  manager.keys = wsm_mask_keys_of(loop);
  if (!manager.keys || !wsm_loop_attach(loop, &l->post, &post_calls)) {
    wsm_free(l);
    return NULL;
  }
  l->seat.link = l;
  manager.role = role;
  manager.policy = setup->policy;
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
  if (l->tls_context) wsm_carry_secure(l);
  set_alarm(l);
  return l;
}

void wsm_link_keep (struct wsm_link *l, const struct wsm_link_keeper *calls,
                    void *keeper) {
  l->keeper_calls = calls;
  l->keeper = keeper;
  if (l->post.loop) announce(l);
}

void wsm_link_abort (struct wsm_link *l, const char *why) {
  struct wsm_error e;
  wsm_error_set(&e, WSM_CLOSED, "%s", why);
  l->manager.local = true;
  wsm_link_fail(l, &e);
  wsm_link_act(l);
}

void wsm_link_free (struct wsm_link *l) {
  if (l->post.loop) {
    hang_up(l);
    wsm_manager_free(&l->manager);
    wsm_handle_detach(&l->post);
  }
  retain(&l->tls_context, NULL);
  retain(&l->proxy_tls, NULL);
  wsm_free(l->host);
  wsm_free(l);
}

/* --- its owner's side --- */

struct wsm_manager *wsm_link_manager (struct wsm_link *l) {
  return &l->manager;
}

struct wsm_handle *wsm_link_handle (struct wsm_link *l) {
  return &l->post;
}

struct wsm_server_entry *wsm_link_entry (struct wsm_link *l) {
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
  wsm_carry_out(l);
  wsm_link_act(l);
}

/* What was queued leaves at once, or with the turn, or when it is much: then a
** first part goes early, for the peer to work on while we go on. */
static void push (struct wsm_link *l) {
  const size_t pending = wsm_session_pending(&l->manager.session);
  if (!wsm_loop_is_corked(l->post.loop)) {
    wsm_carry_out(l);
  } else if (pending >= (l->early ? FLUSH_BYTES : EARLY_BYTES)) {
    wsm_carry_out(l);
    l->early = true;
  }
  if (!l->post.pending &&
      (l->early || wsm_session_pending(&l->manager.session) > 0))
    wsm_handle_mark_pending(&l->post);
}

enum wsm_sent wsm_link_send (struct wsm_link *l, unsigned opcode,
                             const void *data, size_t n) {
  enum wsm_sent sent;
  wsm_mask_keys_refill(l->manager.keys, 1);
  sent = wsm_manager_send(&l->manager, opcode, data, n);
  if (sent == WSM_SENT) push(l);
  return sent;
}

/* Half a frame is with the kernel and there is no memory for the rest. */
static void give_up (struct wsm_link *l) {
  struct wsm_error e;
  wsm_error_set(&e, WSM_FULL, "no memory for the rest of a frame");
  wsm_link_fail(l, &e);
  wsm_link_act(l);
}

/* The first frame of a turn leaves without a copy, for there is one for many
** links; those that follow it gather as ever. */
static bool cast (struct wsm_link *l, const void *frame, size_t n) {
  struct wsm_session *s = &l->manager.session;
  size_t taken;
  if (l->post.pending || l->blocked || l->tls || wsm_session_pending(s) > 0)
    return wsm_session_send_frame(s, frame, n);
  taken = wsm_carry_now(l, frame, n);
  wsm_handle_mark_pending(&l->post);
  if (taken == n) {
    l->manager.counters.bytes_out += n;
    return true;
  }
  if (!wsm_session_send_frame(s, frame, n)) {
    if (taken > 0) give_up(l);
    return false;
  }
  wsm_manager_wrote(&l->manager, taken, wsm_link_now(l));
  return true;
}

enum wsm_sent wsm_link_send_frame (struct wsm_link *l, const void *frame,
                                   size_t n) {
  struct wsm_manager *m = &l->manager;
  if (m->state != WSM_STATE_OPEN || !l->socket) return WSM_SEND_CLOSED;
  if (wsm_session_pending(&m->session) >= m->policy->output_bytes)
    return WSM_SEND_FULL;
  if (!cast(l, frame, n)) return WSM_SEND_FULL;
  m->counters.messages_out++;
  push(l);
  return WSM_SENT;
}

enum wsm_input wsm_link_next (struct wsm_link *l, struct wsm_message *m) {
  enum wsm_input input = wsm_manager_next(&l->manager, m, wsm_link_now(l));
  if (input != WSM_MESSAGE) wsm_link_act(l);
  return input;
}

void wsm_link_pop (struct wsm_link *l) {
  wsm_manager_pop(&l->manager);
  if (l->resting) regulate(l);
}
