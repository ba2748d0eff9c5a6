#include "link/link.h"

#include <string.h>
#include "base/memory.h"
#include "io/socket.h"
#include "link/driver.h"
#include "link/mask_keys.h"
#include "link/route.h"
#include "link/shared.h"
#include "stream/stack.h"
#include "tls/tls.h"
#include "base/hidden.h"

#define FORKED "this process was forked: the connection stays with its parent"

static struct wsm_link *link_of (struct wsm_handle *handle) {
  return (struct wsm_link *)(void *)handle; /* its first member */
}

void wsm_link_update (struct wsm_link *l) {
  if (!l->handle.loop) return;
  wsm_driver_tick(l);
  wsm_driver_update(l);
  if (!wsm_loop_is_corked(l->handle.loop)) wsm_link_flush(l);
}

/* --- its target --- */

void wsm_link_target (struct wsm_link *l, const struct wsm_request *request) {
  wsm_driver_target(l, request);
}

void wsm_link_fix (struct wsm_link *l, const struct wsm_request *request) {
  l->request = *request;
  l->fixed = true;
}

void wsm_link_unfix (struct wsm_link *l) {
  l->fixed = false;
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
  (void)now_ms;
  wsm_driver_tick(l);
  wsm_driver_update(l);
}

/* What is behind a message is read a turn later, taken or not: nobody may ask for
** more, and pings and a close are to be answered. */
static void on_flush (struct wsm_handle *handle, bool before_io) {
  struct wsm_link *l = link_of(handle);
  struct wsm_manager *m = &l->manager;
  const bool held = wsm_manager_holds_message(m);
  const bool popped = wsm_manager_has_popped(m);
  const bool was_patient = handle->patient;
  l->transfer.flushed_early = false;
  if (before_io && (held || popped)) {
    wsm_transfer_refill_keys(&l->transfer);
    wsm_manager_read_behind(m, wsm_driver_now(l));
    wsm_driver_update_timer(l);
  }
  if (before_io ? popped && wsm_manager_holds_message(m) : held || popped)
    wsm_handle_mark_patient(handle);
  /* a message that is held makes the link ready once, not with each flush */
  if (before_io || !was_patient || wsm_manager_pending(m) > 0)
    wsm_link_flush(l);
}

/* RFC 6455 7.4.1, 1001: as far as the kernel takes it at once, behind what waits to be
** written, for nobody is left who could wait. */
static void go_away (struct wsm_link *l) {
  const struct wsm_close_params away = { WSM_GOING_AWAY, "", 0 };
  if (!l->transfer.stream) return;
  l->transfer.blocked = false;
  if (wsm_state_is_live(&l->manager)) wsm_link_say_goodbye(l, &away);
  else wsm_transfer_write(&l->transfer);
}

/* What was allocated from the loop is freed before it. */
static void on_loop_closed (struct wsm_handle *handle) {
  struct wsm_link *l = link_of(handle);
  wsm_driver_part(l);
  go_away(l);
  wsm_driver_disconnect(l);
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

static void on_recovered (struct wsm_handle *handle) {
  struct wsm_link *l = link_of(handle);
  wsm_manager_recovered(&l->manager, wsm_link_now(l));
  wsm_driver_update_timer(l);
}

static const struct wsm_handle_calls handle_calls = { on_timer, on_flush,
                                                      on_loop_closed, on_forked,
                                                      on_recovered };

struct wsm_link *wsm_link_of (struct wsm_handle *handle) {
  return handle->calls == &handle_calls ? link_of(handle) : NULL;
}

/* --- life --- */

static struct wsm_link *create (struct wsm_loop *loop,
                                const struct wsm_link_setup *setup,
                                enum wsm_role role) {
  struct wsm_shared *shared = wsm_shared_of(loop);
  struct wsm_manager_setup manager;
  struct wsm_link *l = wsm_zalloc(sizeof *l);
  if (!l) return NULL;
  if (!shared || !wsm_loop_attach(loop, &l->handle, &handle_calls)) {
    wsm_free(l);
    return NULL;
  }
  manager.keys = &shared->keys;
  manager.role = role;
  manager.policy = setup->policy;
  manager.pool = wsm_loop_pool(loop);
  manager.seed = wsm_mask_keys_draw_seed();
  manager.clock_ms = role == WSM_SERVER ? wsm_loop_time_of_day() : 0;
  manager.tls = setup->tls != NULL;
  wsm_manager_init(&l->manager, &manager, wsm_loop_refresh(loop));
  l->manager.totals = &shared->totals[role];
  l->transfer.manager = &l->manager;
  l->transfer.loop = loop;
  l->transfer.handle = &l->handle;
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
  wsm_driver_start(l, top);
  wsm_driver_update_timer(l);
  return l;
}

void wsm_link_set_owner (struct wsm_link *l, const struct wsm_link_calls *calls,
                         void *owner) {
  l->calls = calls;
  l->owner = owner;
  if (l->handle.loop) wsm_driver_notify(l);
}

void *wsm_link_owner (const struct wsm_link *l) {
  return l->owner;
}

void wsm_link_abort (struct wsm_link *l, const char *why) {
  struct wsm_error e;
  wsm_error_set(&e, WSM_CLOSED, "%s", why);
  wsm_driver_report_last(l);
  wsm_driver_disconnect(l);
  wsm_manager_abort(&l->manager, &e, wsm_driver_now(l));
  wsm_driver_update(l);
}

void wsm_link_free (struct wsm_link *l) {
  wsm_driver_part(l);
  if (wsm_link_is_attached(l)) {
    go_away(l);
    wsm_driver_disconnect(l);
    wsm_counters_add(&l->manager.totals->ended, &l->manager.counters);
    wsm_manager_free(&l->manager);
    wsm_handle_detach(&l->handle);
  }
  wsm_tls_context_replace(&l->tls, NULL);
  wsm_demoted_free(&l->demoted);
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

uint64_t wsm_link_now (struct wsm_link *l) {
  return wsm_driver_now(l);
}

int64_t wsm_link_id (const struct wsm_link *l) {
  return l->handle.id;
}

void wsm_link_look (struct wsm_link *l) {
  wsm_driver_report_last(l);
}

uint64_t wsm_link_clock (struct wsm_link *l) {
  return l->handle.loop ? wsm_loop_refresh(l->handle.loop) : 0;
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
  wsm_driver_update(l);
}

/* The outbox may hold more messages than there are keys in a block. */
void wsm_link_close (struct wsm_link *l,
                     const struct wsm_close_params *params) {
  do wsm_transfer_refill_keys(&l->transfer);
  while (wsm_manager_send_waiting(&l->manager, wsm_driver_now(l)));
  wsm_transfer_refill_keys(&l->transfer);
  wsm_manager_close(&l->manager, params, wsm_loop_refresh(l->handle.loop));
  wsm_link_update(l);
}

void wsm_link_say_goodbye (struct wsm_link *l,
                           const struct wsm_close_params *params) {
  struct wsm_transfer *t = &l->transfer;
  wsm_transfer_refill_keys(t);
  wsm_manager_close(&l->manager, params, wsm_loop_refresh(l->handle.loop));
  wsm_transfer_write(t);
  if (!wsm_driver_is_blocked(l) && wsm_manager_pending(&l->manager) == 0)
    (void)wsm_stream_finish(t->stream);
}

/* Writes what was queued at once, or marks it to be written with the turn. */
static void push (struct wsm_link *l) {
  if (wsm_transfer_push(&l->transfer)) wsm_handle_mark_pending(&l->handle);
}

/* A message in the outbox may expire, or have been dropped. */
static void update_outbox (struct wsm_link *l) {
  wsm_driver_update_timer(l);
  wsm_driver_notify(l);
}

enum wsm_sent wsm_link_send (struct wsm_link *l,
                             const struct wsm_message *message,
                             const struct wsm_terms *terms) {
  const struct wsm_policy *p = l->manager.policy;
  const bool timed = (p->outbox_age_ms | p->rate_limit) != 0;
  enum wsm_sent sent;
  wsm_mask_keys_refill(l->transfer.keys, 1);
  sent = wsm_manager_send(&l->manager, message, terms,
                          timed ? wsm_link_clock(l) : 0);
  if (sent == WSM_SENT) push(l);
  else if (l->manager.sending || l->manager.journal) update_outbox(l);
  return sent;
}

enum wsm_full wsm_link_full (struct wsm_link *l,
                             const struct wsm_message *message,
                             const struct wsm_terms *terms) {
  return wsm_outbox_full(&l->manager, message, terms, wsm_link_clock(l));
}

/* The kernel took half a frame and there is no memory for the rest. */
static void give_up (struct wsm_link *l) {
  struct wsm_error e;
  wsm_error_set(&e, WSM_FULL, "no memory for the rest of a frame");
  wsm_driver_fail(l, &e);
  wsm_driver_update(l);
}

/* The first frame of a turn leaves without a copy, for there is one for many
** links; those that follow it gather as ever. */
static bool send_shared_frame (struct wsm_link *l, const void *frame,
                               size_t n) {
  struct wsm_manager *m = &l->manager;
  size_t taken;
  if (l->handle.pending || wsm_driver_is_blocked(l) || wsm_link_tls(l) ||
      wsm_manager_pending(m) > 0)
    return wsm_manager_send_frame(m, frame, n);
  taken = wsm_transfer_write_past(&l->transfer, frame, n);
  wsm_handle_mark_pending(&l->handle);
  if (taken == n) {
    wsm_manager_count_written(m, n, wsm_driver_now(l));
    return true;
  }
  if (!wsm_manager_send_frame(m, frame, n)) {
    if (taken > 0) give_up(l);
    return false;
  }
  wsm_manager_wrote(m, taken, wsm_driver_now(l));
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
  enum wsm_input input = wsm_manager_next(&l->manager, m, wsm_driver_now(l));
  if (input == WSM_MESSAGE) return input;
  if (l->before) {
    wsm_driver_forward(l);
    input = wsm_manager_next(&l->manager, m, wsm_driver_now(l));
  }
  if (input != WSM_MESSAGE) wsm_driver_update(l);
  return input;
}

/* There may be room in the inbox again. */
static void read_on (struct wsm_link *l) {
  if (!wsm_manager_is_paused(&l->manager)) return;
  wsm_driver_update_pause(l);
  wsm_driver_update_timer(l);
}

void wsm_link_pop (struct wsm_link *l, const struct wsm_message *taken) {
  wsm_manager_pop(&l->manager, taken);
  read_on(l);
}

enum wsm_input wsm_link_next_part (struct wsm_link *l, struct wsm_part *part) {
  const enum wsm_input input = wsm_link_next(l, &part->message);
  if (input == WSM_MESSAGE) wsm_inbox_part(&l->manager, part);
  return input;
}

void wsm_link_pop_part (struct wsm_link *l, const struct wsm_part *part) {
  wsm_inbox_pop_part(&l->manager, part);
  read_on(l);
}

void wsm_link_await_room (struct wsm_link *l) {
  wsm_manager_await_room(&l->manager);
  wsm_driver_update_timer(l);
}

bool wsm_link_keep (struct wsm_link *l, size_t n) {
  const bool many = wsm_manager_keep(&l->manager, n);
  wsm_driver_update_pause(l);
  wsm_driver_update_timer(l);
  return many;
}
