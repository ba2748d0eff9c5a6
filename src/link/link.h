/*
** link.h - one managed connection on a loop: a manager over a stack of streams
** Depends on manager.h, route.h and stream.h. It gives the manager what is read,
** writes what the manager queued, connects and disconnects when the manager wants
** it, and tells it the time.
** Never decides what happens next.
*/
#ifndef WSM_LINK_H
#define WSM_LINK_H

#include "io/loop.h"
#include "manager/manager.h"
#include "tls/tls.h"

struct wsm_link;

struct wsm_link_setup {
  const struct wsm_policy *policy; /* borrowed for the link's life */
  struct wsm_tls_context *tls;     /* retained; NULL: no TLS */
};

/* Events, for the server that a link belongs to. */
struct wsm_link_calls {
  /* Its request is there, every time it is looked at; instead of the loop's
  ** list of what is ready. NULL: the application has the link. */
  void (*requested)(void *owner);
  void (*ended)(void *owner); /* it is closed for good */
};

/* A client, in CLOSED; call wsm_manager_start on its manager. */
struct wsm_link *wsm_link_new (struct wsm_loop *loop,
                               const struct wsm_link_setup *setup,
                               struct wsm_error *e);

/* A server's side, on an accepted descriptor, which is closed on failure. */
struct wsm_link *wsm_link_accept (struct wsm_loop *loop,
                                  const struct wsm_link_setup *setup, int fd,
                                  struct wsm_error *e);

/* Tells owner from now on; calls are borrowed. */
void wsm_link_set_owner (struct wsm_link *l, const struct wsm_link_calls *calls,
                         void *owner);
void *wsm_link_owner (const struct wsm_link *l); /* NULL: a client */

/* Disconnects without a closing handshake: closed for good, and `why`, copied, is
** its error. */
void wsm_link_abort (struct wsm_link *l, const char *why);

/* Disconnects likewise and frees it; an open one sends a close frame (1001), as far as
** the kernel takes it. Not from inside a call to its owner. */
void wsm_link_free (struct wsm_link *l);

struct wsm_manager *wsm_link_manager (struct wsm_link *l);
struct wsm_handle *wsm_link_handle (struct wsm_link *l);

/* false: its loop is closed. Asked before each use from outside: in a forked child
** the link is closed afterwards, and the connection the parent's. */
static inline bool wsm_link_is_attached (struct wsm_link *l) {
  struct wsm_handle *handle = wsm_link_handle(l);
  wsm_loop_check(handle);
  return handle->loop != NULL;
}
/* The link that a handle of the loop is; NULL: it is something else's. */
struct wsm_link *wsm_link_of (struct wsm_handle *handle);

int64_t wsm_link_id (const struct wsm_link *l);

/* The loop's time, or the last one known when the loop is gone. */
uint64_t wsm_link_now (struct wsm_link *l);

/* Before wsm_manager_start, which may end a connection: what may be lost with it. */
void wsm_link_look (struct wsm_link *l);

/* The time now, which costs a look at the clock. */
uint64_t wsm_link_clock (struct wsm_link *l);

/* Where to connect and what to request: the answer to WSM_EVENT_TARGET. The
** texts are borrowed until the next target. */
void wsm_link_target (struct wsm_link *l, const struct wsm_request *request);

/* The same target for every attempt, instead of that event. The texts are
** borrowed for the link's life. */
void wsm_link_fix (struct wsm_link *l, const struct wsm_request *request);

/* Connects through a proxy from now on: "http://user:pass@host:port" and the
** like (proxy_url.h; checked), "env" for the one that the environment names at
** each attempt, NULL for none. The text is borrowed for the link's life; tls, for https proxies, may
** be NULL and is retained. */
void wsm_link_proxy (struct wsm_link *l, const char *proxy,
                     struct wsm_tls_context *tls);

/* The rules for wss from the next attempt on; retained. */
void wsm_link_secure (struct wsm_link *l, struct wsm_tls_context *tls);
bool wsm_link_is_secured (const struct wsm_link *l);

/* Writes what waits, now. */
void wsm_link_flush (struct wsm_link *l);

/* Does what the manager wants now. Call it after every call on the manager that
** is not one of those below. */
void wsm_link_update (struct wsm_link *l);

/* Sends a close frame, as far as the kernel takes it now, and ends our side: what
** the peer answers is not awaited. Before wsm_manager_start; only while there is a
** session. */
void wsm_link_say_goodbye (struct wsm_link *l,
                           const struct wsm_close_params *params);

/* The target of wsm_link_fix is no longer the same for every attempt. */
void wsm_link_unfix (struct wsm_link *l);

/* Starts the closing handshake: see wsm_manager_close. */
void wsm_link_close (struct wsm_link *l, const struct wsm_close_params *params);

/* Sends a message: see wsm_manager_send. */
enum wsm_sent wsm_link_send (struct wsm_link *l,
                             const struct wsm_message *message,
                             const struct wsm_terms *terms);

/* Why that was refused as full: see wsm_outbox_full. */
enum wsm_full wsm_link_full (struct wsm_link *l,
                             const struct wsm_message *message,
                             const struct wsm_terms *terms);

/* The next message received: see wsm_manager_next. Its bytes are valid until
** pop. */
enum wsm_input wsm_link_next (struct wsm_link *l, struct wsm_message *m);
void wsm_link_pop (struct wsm_link *l, const struct wsm_message *taken);

/* See wsm_manager_await_room. */
void wsm_link_await_room (struct wsm_link *l);

/* See wsm_manager_keep. */
bool wsm_link_keep (struct wsm_link *l, size_t n);

/* The same where messages are read in parts: see wsm_inbox_part. */
enum wsm_input wsm_link_next_part (struct wsm_link *l, struct wsm_part *part);
void wsm_link_pop_part (struct wsm_link *l, const struct wsm_part *part);

/* Sends a ready-made unmasked frame to one client of a server (broadcast). The
** bytes are copied unless the kernel takes them at once. */
enum wsm_sent wsm_link_send_frame (struct wsm_link *l, const void *frame,
                                   size_t n);

/* Writes the peer's address as text, at most n bytes with terminator; empty: not
** connected. */
void wsm_link_peer (struct wsm_link *l, char *to, size_t n);

/* TLS with the peer, or NULL. Valid until the link disconnects. */
const struct wsm_tls *wsm_link_tls (const struct wsm_link *l);

#endif
