#include "link/link.h"

#include <openssl/rand.h>
#include <string.h>
#include "base/memory.h"
#include "io/socket.h"
#include "link/mask_keys.h"
#include "link/route.h"
#include "link/transfer.h"
#include "stream/stack.h"
#include "tls/tls.h"
#include "base/hidden.h"

#define FORKED "this process was forked: the connection stays with its parent"

struct wsm_link {
  struct wsm_handle handle;
  struct wsm_manager manager;
  struct wsm_transfer transfer; /* its stream is the top of the stack */
  const struct wsm_link_calls *calls;
  void *owner;
  struct wsm_route *route; /* a client's, while it is connecting or connected */
  struct wsm_tls_context *tls, *proxy_tls;
  const char *proxy;          /* of wsm_link_proxy */
  struct wsm_request request; /* of wsm_link_fix */
  bool fixed;
};

static struct wsm_link *link_of (struct wsm_handle *handle) {
  return (struct wsm_link *)(void *)handle; /* its first member */
}

static bool is_blocked (const struct wsm_link *l) {
  return !l->transfer.stream || l->transfer.blocked;
}

/* --- what the manager wants --- */

static void disconnect (struct wsm_link *l) {
  struct wsm_transfer *t = &l->transfer;
  if (t->stream) wsm_stream_close(t->stream);
  t->stream = NULL;
  t->blocked = t->finished = false;
  if (l->route) wsm_route_free(l->route);
  l->route = NULL;
  wsm_manager_set_proxy(&l->manager, NULL);
  wsm_manager_resume(&l->manager, wsm_link_now(l));
}

/* The connection, or the attempt at one, is over; e NULL: the peer ended it. */
static void fail (struct wsm_link *l, const struct wsm_error *e) {
  disconnect(l);
  wsm_manager_lost(&l->manager, e, wsm_link_now(l));
}

static void on_connected (void *owner, int fd, const struct wsm_error *why);

static void connect_to_target (struct wsm_link *l) {
  const struct wsm_route_calls calls = { on_connected, l };
  struct wsm_route_setup setup;
  struct wsm_error e;
  if (l->route) return;
  setup.url = wsm_manager_url(&l->manager);
  setup.proxy = l->proxy;
  l->route = wsm_route_start(l->handle.loop, &setup, &calls, &e);
  if (l->route)
    wsm_manager_set_proxy(&l->manager, wsm_route_proxy_name(l->route));
  else fail(l, &e);
}

/* The random bytes of the opening handshake's key. */
static bool draw_nonce (struct wsm_link *l,
                        unsigned char nonce[WSM_NONCE_SIZE]) {
  struct wsm_error e;
  if (RAND_bytes(nonce, WSM_NONCE_SIZE) == 1) return true;
  wsm_error_set(&e, WSM_FULL, "no random bytes for a connection");
  fail(l, &e);
  return false;
}

static void follow_redirect (struct wsm_link *l) {
  unsigned char nonce[WSM_NONCE_SIZE];
  if (draw_nonce(l, nonce)) wsm_manager_redirect(&l->manager, nonce);
}

static void apply_want (struct wsm_link *l) {
  if (wsm_manager_want(&l->manager) == WSM_WANT_TARGET) {
    disconnect(l);
    if (l->fixed) wsm_link_target(l, &l->request);
  }
  if (wsm_manager_want(&l->manager) == WSM_WANT_REDIRECT) {
    disconnect(l);
    follow_redirect(l);
  }
  switch (wsm_manager_want(&l->manager)) {
    case WSM_WANT_CONNECT:
      connect_to_target(l);
      break;
    case WSM_WANT_FINISH:
      wsm_transfer_write(&l->transfer);
      break;
    case WSM_WANT_DISCONNECT:
      disconnect(l);
      break;
    case WSM_WANT_TARGET:
    case WSM_WANT_REDIRECT:
    case WSM_WANT_NOTHING:
      break;
  }
}

/* A full inbox stops reading: TCP makes the peer wait. */
static void update_pause (struct wsm_link *l) {
  struct wsm_manager *m = &l->manager;
  bool full;
  if (!l->transfer.stream) return;
  full = wsm_manager_is_inbox_full(m);
  if (full == wsm_manager_is_paused(m)) return;
  if (full) wsm_manager_pause(m);
  else wsm_manager_resume(m, wsm_link_now(l));
  wsm_stream_pause(l->transfer.stream, full);
}

static void notify (struct wsm_link *l) {
  const struct wsm_manager *m = &l->manager;
  const enum wsm_event event = wsm_manager_event(m);
  if (!l->calls || !l->calls->requested) {
    if (event != WSM_EVENT_NONE || wsm_manager_has_message(m))
      wsm_handle_notify(&l->handle);
  } else if (event == WSM_EVENT_REQUEST) {
    l->calls->requested(l->owner);
  }
  if (l->calls && wsm_manager_state(m) == WSM_STATE_CLOSED)
    l->calls->ended(l->owner);
}

static void update_timer (struct wsm_link *l) {
  wsm_handle_set_timer(&l->handle, wsm_manager_deadline(&l->manager),
                       wsm_manager_is_deadline_lax(&l->manager));
}

/* What the kernel knows of how far our bytes have come. */
static void report_delivery (struct wsm_link *l) {
  struct wsm_delivery delivery;
  if (!wsm_manager_wants_delivery(&l->manager) || !l->transfer.stream) return;
  delivery.acknowledged =
    wsm_stream_acknowledged(l->transfer.stream, &delivery.everything);
  if (wsm_manager_pending(&l->manager) > 0) delivery.everything = false;
  wsm_manager_delivered(&l->manager, &delivery, wsm_link_now(l));
}

/* After anything happened. */
static void update (struct wsm_link *l) {
  report_delivery(l);
  apply_want(l);
  update_pause(l);
  if (!is_blocked(l) && wsm_manager_pending(&l->manager) > 0)
    wsm_handle_mark_pending(&l->handle);
  update_timer(l);
  notify(l);
}

void wsm_link_update (struct wsm_link *l) {
  if (!l->handle.loop) return;
  wsm_transfer_refill_keys(&l->transfer);
  wsm_manager_tick(&l->manager, wsm_link_now(l));
  update(l);
  if (!wsm_loop_is_corked(l->handle.loop)) wsm_link_flush(l);
}

/* --- events of its stream --- */

/* A client's request is sent at once: a thousand connections that open in one
** turn would each hold a block until its end. A server waits for the request. */
static void on_opened (void *owner) {
  struct wsm_link *l = owner;
  struct wsm_manager *m = &l->manager;
  const struct wsm_tls *tls = wsm_stream_tls(l->transfer.stream);
  wsm_manager_set_proxy(m, NULL);
  if (tls && wsm_tls_resumed(tls)) wsm_manager_count_resumed(m);
  if (wsm_manager_role(m) == WSM_SERVER) return;
  wsm_manager_connected(m, wsm_link_now(l));
  wsm_transfer_write(&l->transfer);
  update(l);
}

static void on_readable (void *owner) {
  struct wsm_link *l = owner;
  wsm_transfer_read(&l->transfer);
  /* nothing follows the answer to a close: it waits for no end of the turn */
  if (wsm_manager_state(&l->manager) == WSM_STATE_CLOSING)
    wsm_transfer_write(&l->transfer);
  update(l);
  if (wsm_manager_holds_message(&l->manager))
    wsm_handle_mark_pending(&l->handle);
}

static void on_writable (void *owner) {
  struct wsm_link *l = owner;
  l->transfer.blocked = false;
  wsm_transfer_write(&l->transfer);
  update(l);
}

static void on_lost (void *owner, const struct wsm_error *e) {
  struct wsm_link *l = owner;
  fail(l, e);
  update(l);
}

static const struct wsm_stream_events stream_events = { on_opened, on_readable,
                                                        on_writable, on_lost };

static void start (struct wsm_link *l, struct wsm_stream *stream) {
  l->transfer.stream = stream;
  wsm_stream_set_owner(stream, &stream_events, l);
  wsm_stream_start(stream);
}

static void on_connected (void *owner, int fd, const struct wsm_error *why) {
  struct wsm_link *l = owner;
  const struct wsm_route_tls tls = { l->tls, l->proxy_tls,
                                     wsm_manager_left_origin(&l->manager) };
  struct wsm_error e = *why;
  struct wsm_stream *top = fd >= 0 ? wsm_route_open(l->route, fd, &tls, &e)
                                   : NULL;
  if (top) start(l, top);
  else fail(l, &e);
  update(l);
}

/* --- its target --- */

void wsm_link_target (struct wsm_link *l, const struct wsm_request *request) {
  unsigned char nonce[WSM_NONCE_SIZE];
  if (draw_nonce(l, nonce))
    wsm_manager_target(&l->manager, request, nonce, wsm_link_now(l));
}

void wsm_link_fix (struct wsm_link *l, const struct wsm_request *request) {
  l->request = *request;
  l->fixed = true;
}

void wsm_link_secure (struct wsm_link *l, struct wsm_tls_context *tls) {
  wsm_tls_context_replace(&l->tls, tls);
}

void wsm_link_proxy (struct wsm_link *l, const char *proxy,
                     struct wsm_tls_context *tls) {
  l->proxy = proxy;
  wsm_tls_context_replace(&l->proxy_tls, tls);
}

bool wsm_link_is_secured (const struct wsm_link *l) {
  return l->tls != NULL;
}

/* --- on the loop --- */

static void on_timer (struct wsm_handle *handle, uint64_t now_ms) {
  struct wsm_link *l = link_of(handle);
  wsm_transfer_refill_keys(&l->transfer);
  report_delivery(l);
  wsm_manager_tick(&l->manager, now_ms);
  update(l);
}

/* What is behind a message is read a turn later, taken or not: nobody may ask for
** more, and pings and a close are to be answered. */
static void on_flush (struct wsm_handle *handle, bool before_io) {
  struct wsm_link *l = link_of(handle);
  struct wsm_manager *m = &l->manager;
  const bool held = wsm_manager_holds_message(m);
  const bool popped = wsm_manager_has_popped(m);
  l->transfer.flushed_early = false;
  if (before_io && (held || popped)) {
    wsm_transfer_refill_keys(&l->transfer);
    wsm_manager_read_behind(m, wsm_link_now(l));
    update_timer(l);
  }
  if (before_io ? popped && wsm_manager_holds_message(m) : held || popped)
    wsm_handle_mark_pending(handle);
  wsm_link_flush(l);
}

/* What was allocated from the loop is freed before it. */
static void on_loop_closed (struct wsm_handle *handle) {
  struct wsm_link *l = link_of(handle);
  disconnect(l);
  wsm_manager_free(&l->manager);
}

static void on_forked (struct wsm_handle *handle) {
  struct wsm_link *l = link_of(handle);
  struct wsm_error e;
  wsm_error_set(&e, WSM_CLOSED, FORKED);
  l->transfer.stream = NULL; /* libwebsockets still points to it */
  if (l->route) wsm_route_forget(l->route);
  l->route = NULL;
  wsm_manager_forget(&l->manager, &e);
}

static const struct wsm_handle_calls handle_calls = { on_timer, on_flush,
                                                      on_loop_closed,
                                                      on_forked };

/* --- life --- */

static struct wsm_link *create (struct wsm_loop *loop,
                                const struct wsm_link_setup *setup,
                                enum wsm_role role) {
  struct wsm_manager_setup manager;
  struct wsm_link *l = wsm_zalloc(sizeof *l);
  if (!l) return NULL;
  manager.keys = wsm_mask_keys_of(loop);
  if (!manager.keys || !wsm_loop_attach(loop, &l->handle, &handle_calls)) {
    wsm_free(l);
    return NULL;
  }
  manager.role = role;
  manager.policy = setup->policy;
  manager.pool = wsm_loop_pool(loop);
  manager.seed = wsm_mask_keys_draw_seed();
  manager.clock_ms = role == WSM_SERVER ? wsm_loop_time_of_day() : 0;
  wsm_manager_init(&l->manager, &manager, wsm_loop_refresh(loop));
  l->transfer.manager = &l->manager;
  l->transfer.loop = loop;
  l->transfer.keys = manager.keys;
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
  struct wsm_stream *top;
  if (!l) {
    wsm_error_set(e, WSM_FULL, "no memory for a connection");
    wsm_socket_discard(fd);
    return NULL;
  }
  top = wsm_stack_accept(loop, fd, l->tls, e);
  if (!top) {
    wsm_link_free(l);
    return NULL;
  }
  start(l, top);
  update_timer(l);
  return l;
}

void wsm_link_set_owner (struct wsm_link *l, const struct wsm_link_calls *calls,
                         void *owner) {
  l->calls = calls;
  l->owner = owner;
  if (l->handle.loop) notify(l);
}

void *wsm_link_owner (const struct wsm_link *l) {
  return l->owner;
}

void wsm_link_abort (struct wsm_link *l, const char *why) {
  struct wsm_error e;
  wsm_error_set(&e, WSM_CLOSED, "%s", why);
  disconnect(l);
  wsm_manager_abort(&l->manager, &e, wsm_link_now(l));
  update(l);
}

void wsm_link_free (struct wsm_link *l) {
  if (wsm_link_is_attached(l)) {
    disconnect(l);
    wsm_manager_free(&l->manager);
    wsm_handle_detach(&l->handle);
  }
  wsm_tls_context_replace(&l->tls, NULL);
  wsm_tls_context_replace(&l->proxy_tls, NULL);
  wsm_free(l);
}

/* --- the application's side --- */

struct wsm_manager *wsm_link_manager (struct wsm_link *l) {
  return &l->manager;
}

struct wsm_handle *wsm_link_handle (struct wsm_link *l) {
  return &l->handle;
}

int64_t wsm_link_id (const struct wsm_link *l) {
  return l->handle.id;
}

uint64_t wsm_link_now (struct wsm_link *l) {
  return l->handle.loop ? wsm_loop_now(l->handle.loop) : 0;
}

void wsm_link_peer (struct wsm_link *l, char *to, size_t n) {
  if (l->transfer.stream) wsm_stream_peer(l->transfer.stream, to, n);
  else if (n > 0) to[0] = '\0';
}

const struct wsm_tls *wsm_link_tls (const struct wsm_link *l) {
  return l->transfer.stream ? wsm_stream_tls(l->transfer.stream) : NULL;
}

void wsm_link_flush (struct wsm_link *l) {
  if (!l->handle.loop) return;
  wsm_transfer_write(&l->transfer);
  update(l);
}

/* The outbox may hold more messages than there are keys in a block. */
void wsm_link_close (struct wsm_link *l,
                     const struct wsm_close_params *params) {
  do wsm_transfer_refill_keys(&l->transfer);
  while (wsm_manager_send_waiting(&l->manager));
  wsm_transfer_refill_keys(&l->transfer);
  wsm_manager_close(&l->manager, params, wsm_loop_refresh(l->handle.loop));
  wsm_link_update(l);
}

/* Writes what was queued at once, or marks it to be written with the turn. */
static void push (struct wsm_link *l) {
  if (wsm_transfer_push(&l->transfer) && !l->handle.pending)
    wsm_handle_mark_pending(&l->handle);
}

enum wsm_sent wsm_link_send (struct wsm_link *l, unsigned opcode,
                             const void *data, size_t n) {
  enum wsm_sent sent;
  wsm_mask_keys_refill(l->transfer.keys, 1);
  sent = wsm_manager_send(&l->manager, opcode, data, n);
  if (sent == WSM_SENT) push(l);
  return sent;
}

/* The kernel took half a frame and there is no memory for the rest. */
static void give_up (struct wsm_link *l) {
  struct wsm_error e;
  wsm_error_set(&e, WSM_FULL, "no memory for the rest of a frame");
  fail(l, &e);
  update(l);
}

/* The first frame of a turn leaves without a copy, for there is one for many
** links; those that follow it gather as ever. */
static bool send_shared_frame (struct wsm_link *l, const void *frame,
                               size_t n) {
  struct wsm_manager *m = &l->manager;
  size_t taken;
  if (l->handle.pending || is_blocked(l) || wsm_link_tls(l) ||
      wsm_manager_pending(m) > 0)
    return wsm_manager_send_frame(m, frame, n);
  taken = wsm_transfer_write_past(&l->transfer, frame, n);
  wsm_handle_mark_pending(&l->handle);
  if (taken == n) {
    wsm_manager_count_written(m, n, wsm_link_now(l));
    return true;
  }
  if (!wsm_manager_send_frame(m, frame, n)) {
    if (taken > 0) give_up(l);
    return false;
  }
  wsm_manager_wrote(m, taken, wsm_link_now(l));
  return true;
}

enum wsm_sent wsm_link_send_frame (struct wsm_link *l, const void *frame,
                                   size_t n) {
  const enum wsm_sent sent = wsm_manager_may_send(&l->manager);
  if (sent != WSM_SENT) return sent;
  if (!l->transfer.stream) return WSM_SEND_CLOSED;
  if (!send_shared_frame(l, frame, n)) return WSM_SEND_FULL;
  push(l);
  return WSM_SENT;
}

enum wsm_input wsm_link_next (struct wsm_link *l, struct wsm_message *m) {
  enum wsm_input input = wsm_manager_next(&l->manager, m, wsm_link_now(l));
  if (input != WSM_MESSAGE) update(l);
  return input;
}

void wsm_link_pop (struct wsm_link *l) {
  wsm_manager_pop(&l->manager);
  if (wsm_manager_is_paused(&l->manager)) update_pause(l);
}
