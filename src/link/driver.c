#include "link/driver.h"

#include <openssl/rand.h>
#include <string.h>
#include "link/notes.h"
#include "link/route.h"
#include "tls/tls.h"
#include "manager/migration.h"
#include "base/hidden.h"

/* --- what the manager wants --- */

/* The end of a connection, or an attempt, at an address is the manager's to judge:
** it has ended that itself, or was told. */
static void judge (struct wsm_link *l, const struct wsm_place *place) {
  if (place->family == 0) return;
  switch (wsm_manager_address(&l->manager)) {
    case WSM_ADDRESS_BAD:
      wsm_demoted_add(&l->demoted, place);
      if (l->manager.journal) wsm_notes_demoted(l);
      break;
    case WSM_ADDRESS_GOOD:
      wsm_demoted_remove(&l->demoted, place);
      break;
    case WSM_ADDRESS_UNKNOWN:
      break;
  }
}

void wsm_driver_disconnect (struct wsm_link *l) {
  struct wsm_transfer *t = &l->transfer;
  if (l->route) judge(l, wsm_route_place(l->route));
  if (t->stream) wsm_stream_close(t->stream);
  t->stream = NULL;
  t->blocked = t->finished = false;
  if (l->route) wsm_route_free(l->route);
  l->route = NULL;
  wsm_manager_set_proxy(&l->manager, NULL);
  wsm_manager_resume(&l->manager, wsm_driver_now(l));
}

void wsm_driver_report_last (struct wsm_link *l) {
  struct wsm_manager *m = &l->manager;
  struct wsm_stream_look look;
  struct wsm_delivery d;
  const bool is_tracked = wsm_sending_is_tracked(m);
  if (!l->transfer.stream || (!is_tracked && !m->leaving)) return;
  wsm_stream_look_at(l->transfer.stream, &look);
  memset(&d, 0, sizeof d);
  d.written = look.written;
  d.acknowledged = look.acknowledged;
  d.unread = look.unread;
  if (m->leaving) wsm_manager_delivered(m, &d, wsm_driver_now(l));
  else wsm_sending_acknowledged(m, &d);
}

void wsm_driver_fail (struct wsm_link *l, const struct wsm_error *e) {
  struct wsm_place place = { 0 };
  if (l->route) place = *wsm_route_place(l->route);
  wsm_driver_report_last(l);
  wsm_driver_disconnect(l);
  wsm_manager_lost(&l->manager, e, wsm_driver_now(l));
  judge(l, &place);
}

static void on_connected (void *owner, int fd, const struct wsm_error *why);

static void connect_to_target (struct wsm_link *l) {
  const struct wsm_route_calls calls = { on_connected, l };
  struct wsm_route_setup setup;
  struct wsm_error e;
  if (l->route) return;
  setup.url = wsm_manager_url(&l->manager);
  setup.proxy = l->proxy;
  setup.demoted = l->demoted;
  l->route = wsm_route_start(l->handle.loop, &setup, &calls, &e);
  if (l->route)
    wsm_manager_set_proxy(&l->manager, wsm_route_proxy_name(l->route));
  if (l->manager.journal) wsm_notes_connecting(l);
  if (!l->route) wsm_driver_fail(l, &e);
}

/* The random bytes of the opening handshake's key. */
static bool draw_nonce (struct wsm_link *l,
                        unsigned char nonce[WSM_NONCE_SIZE]) {
  struct wsm_error e;
  if (RAND_bytes(nonce, WSM_NONCE_SIZE) == 1) return true;
  wsm_error_set(&e, WSM_FULL, "no random bytes for a connection");
  wsm_driver_fail(l, &e);
  return false;
}

static void follow_redirect (struct wsm_link *l) {
  unsigned char nonce[WSM_NONCE_SIZE];
  if (l->manager.journal) wsm_notes_redirect(l);
  if (draw_nonce(l, nonce)) wsm_manager_redirect(&l->manager, nonce);
}

static void apply_want (struct wsm_link *l) {
  if (wsm_manager_want(&l->manager) == WSM_WANT_TARGET) {
    wsm_driver_disconnect(l);
    if (l->fixed) wsm_driver_target(l, &l->request);
  }
  if (wsm_manager_want(&l->manager) == WSM_WANT_REDIRECT) {
    wsm_driver_disconnect(l);
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
      wsm_driver_disconnect(l);
      break;
    case WSM_WANT_TARGET:
    case WSM_WANT_REDIRECT:
    case WSM_WANT_NOTHING:
      break;
  }
}

void wsm_driver_update_pause (struct wsm_link *l) {
  struct wsm_manager *m = &l->manager;
  bool full;
  if (!l->transfer.stream) return;
  full = wsm_manager_is_inbox_full(m);
  if (full == wsm_manager_is_paused(m)) return;
  if (full) wsm_manager_pause(m, wsm_driver_now(l));
  else wsm_manager_resume(m, wsm_driver_now(l));
  wsm_stream_pause(l->transfer.stream, full);
  if (!full)
    wsm_handle_mark_pending(&l->handle); /* libuv polls it with a turn */
}

void wsm_driver_notify (struct wsm_link *l) {
  const struct wsm_manager *m = &l->manager;
  const enum wsm_event event = wsm_manager_event(m);
  if (!l->calls || !l->calls->requested) {
    if (event != WSM_EVENT_NONE || wsm_manager_has_message(m) ||
        (m->journal && !wsm_journal_is_empty(m->journal)))
      wsm_handle_notify(&l->handle);
  } else if (event == WSM_EVENT_REQUEST) {
    l->calls->requested(l->owner);
  }
  if (l->calls && wsm_manager_state(m) == WSM_STATE_CLOSED)
    l->calls->ended(l->owner);
}

void wsm_driver_update_timer (struct wsm_link *l) {
  wsm_handle_set_timer(&l->handle, wsm_manager_deadline(&l->manager),
                       wsm_manager_is_deadline_lax(&l->manager));
  wsm_handle_await_recovery(&l->handle,
                            wsm_manager_awaits_recovery(&l->manager));
}

static void report_delivery (struct wsm_link *l) {
  const uint64_t now_ms = wsm_driver_now(l);
  struct wsm_manager *m = &l->manager;
  struct wsm_stream_look look;
  struct wsm_delivery d;
  if (!l->transfer.stream || !wsm_manager_wants_delivery(m, now_ms)) return;
  wsm_stream_look_at(l->transfer.stream, &look);
  d.written = look.written;
  d.acknowledged = look.acknowledged;
  d.unread = look.unread;
  d.blocked = l->transfer.blocked;
  d.readable = look.readable;
  d.hung_up = look.hung_up;
  d.everything = d.acknowledged == d.written && wsm_manager_pending(m) == 0;
  wsm_manager_delivered(m, &d, now_ms);
}

void wsm_driver_tick (struct wsm_link *l) {
  wsm_transfer_refill_keys(&l->transfer);
  report_delivery(l);
  wsm_manager_tick(&l->manager, wsm_driver_now(l));
}

void wsm_driver_update (struct wsm_link *l) {
  apply_want(l);
  wsm_driver_update_pause(l);
  report_delivery(l);
  if (!wsm_driver_is_blocked(l) && wsm_manager_pending(&l->manager) > 0)
    wsm_handle_mark_pending(&l->handle);
  wsm_driver_update_timer(l);
  wsm_driver_notify(l);
}

/* --- events of its stream --- */

/* A client's request is sent at once: a thousand connections that open in one
** turn would each hold a block until its end. A server waits for the request. */
static void on_opened (void *owner) {
  struct wsm_link *l = owner;
  struct wsm_manager *m = &l->manager;
  const struct wsm_tls *tls = wsm_stream_tls(l->transfer.stream);
  wsm_manager_set_proxy(m, NULL);
  if (m->journal) wsm_notes_connected(l);
  if (tls && wsm_tls_resumed(tls)) wsm_manager_count_resumed(m);
  wsm_manager_connected(m, wsm_driver_now(l));
  if (wsm_manager_role(m) == WSM_SERVER) return;
  wsm_transfer_write(&l->transfer);
  wsm_driver_update(l);
}

static void on_readable (void *owner) {
  struct wsm_link *l = owner;
  wsm_transfer_read(&l->transfer);
  /* nothing follows the answer to a close: it waits for no end of the turn */
  if (wsm_manager_state(&l->manager) == WSM_STATE_CLOSING)
    wsm_transfer_write(&l->transfer);
  wsm_driver_update(l);
  if (wsm_manager_holds_message(&l->manager))
    wsm_handle_mark_patient(&l->handle);
}

static void on_writable (void *owner) {
  struct wsm_link *l = owner;
  l->transfer.blocked = false;
  wsm_transfer_write(&l->transfer);
  wsm_driver_update(l);
}

static void on_lost (void *owner, const struct wsm_error *e) {
  struct wsm_link *l = owner;
  wsm_driver_fail(l, e);
  wsm_driver_update(l);
}

static bool on_half_closed (void *owner) {
  struct wsm_link *l = owner;
  return wsm_manager_half_closed(&l->manager);
}

static const struct wsm_stream_events stream_events = { on_opened, on_readable,
                                                        on_writable, on_lost,
                                                        on_half_closed };

void wsm_driver_start (struct wsm_link *l, struct wsm_stream *stream) {
  l->transfer.stream = stream;
  if (l->manager.journal) wsm_notes_started(l);
  wsm_stream_set_owner(stream, &stream_events, l);
  wsm_stream_start(stream);
}

static void on_connected (void *owner, int fd, const struct wsm_error *why) {
  struct wsm_link *l = owner;
  const struct wsm_route_tls tls = { l->tls, l->proxy_tls,
                                     wsm_manager_left_origin(&l->manager),
                                     wsm_manager_left_host(&l->manager) };
  struct wsm_error e = *why;
  struct wsm_stream *top = fd >= 0 ? wsm_route_open(l->route, fd, &tls, &e)
                                   : NULL;
  if (top) wsm_driver_start(l, top);
  else wsm_driver_fail(l, &e);
  wsm_driver_update(l);
}

/* --- its target --- */

void wsm_driver_target (struct wsm_link *l, const struct wsm_request *request) {
  unsigned char nonce[WSM_NONCE_SIZE];
  if (draw_nonce(l, nonce))
    wsm_manager_target(&l->manager, request, nonce, wsm_driver_now(l));
}

/* --- the link before --- */

void wsm_driver_forward (struct wsm_link *l) {
  struct wsm_link *before = l->before;
  if (!before) return;
  wsm_migration_forward(&l->manager, &before->manager, wsm_driver_now(l));
  wsm_driver_update(before);
}

void wsm_driver_part (struct wsm_link *l) {
  if (l->before) l->before->successor = NULL;
  if (l->successor) l->successor->before = NULL;
  l->before = l->successor = NULL;
}
