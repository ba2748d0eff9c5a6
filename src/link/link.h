/*
** link.h - one managed connection on a loop: manager, socket and TLS, joined
** Stands on manager.h, loop.h, socket.h, connect.h and tls.h; nothing else knows
** both sides. It feeds the manager what its socket read, writes what the manager
** queued, dials and hangs up when the manager says so, and tells it the time.
** Never decides anything itself.
*/
#ifndef WSM_LINK_H
#define WSM_LINK_H

#include "manager/manager.h"
#include "io/loop.h"
#include "tls/tls.h"

struct wsm_link;

struct wsm_link_setup {
  const struct wsm_policy *policy; /* borrowed for the link's life */
  struct wsm_tls_context *tls;     /* retained; NULL: no TLS */
};

/* A link's place among the others of its server. */
struct wsm_server;
struct wsm_server_entry {
  struct wsm_server_entry *next, *previous;
  struct wsm_server *server; /* NULL: none */
  struct wsm_server_entry *next_asking;
  struct wsm_link *link;
  bool asking;  /* its request waits to be claimed */
  bool claimed; /* Lua has it */
  bool vacant;  /* its connection is over: it counts no more */
};

/* Who looks after a server's link: until Lua has it, and when it is over. */
struct wsm_link_keeper {
  void (*requested)(void *keeper,
                    struct wsm_link *l);           /* its request is there */
  void (*ended)(void *keeper, struct wsm_link *l); /* it closed for good */
};

/* A client, in CLOSED; call wsm_manager_start on its manager. */
struct wsm_link *wsm_link_new (struct wsm_loop *loop,
                               const struct wsm_link_setup *setup,
                               struct wsm_error *e);

/* A server's side, on an accepted descriptor, which is closed on failure. */
struct wsm_link *wsm_link_accept (struct wsm_loop *loop,
                                  const struct wsm_link_setup *setup, int fd,
                                  struct wsm_error *e);

/* Who hears of it; until its seat is claimed, instead of the ready list. */
void wsm_link_keep (struct wsm_link *l, const struct wsm_link_keeper *calls,
                    void *keeper);

/* Hangs up without a word: it is closed for good, and its owner hears why. */
void wsm_link_abort (struct wsm_link *l, const char *why);

/* Hangs up without a word and frees it. Not from inside a keeper's call. */
void wsm_link_free (struct wsm_link *l);

struct wsm_manager *wsm_link_manager (struct wsm_link *l);
struct wsm_handle *wsm_link_handle (struct wsm_link *l);
struct wsm_server_entry *wsm_link_entry (struct wsm_link *l);
int64_t wsm_link_id (const struct wsm_link *l);

/* The loop's time, or the last one known when the loop is gone. */
uint64_t wsm_link_now (struct wsm_link *l);

/* Names where to dial and what to ask: the answer to WSM_EVENT_TARGET. The
** texts of ask are borrowed until the next target. */
void wsm_link_target (struct wsm_link *l, const struct wsm_request *ask);

/* The same target for every dial, instead of asking. */
void wsm_link_fix (struct wsm_link *l, const struct wsm_request *ask);

/* Dials through a proxy from now on: "http://user:pass@host:port" and the like
** (proxy_url.h; checked), "env" for the one that the environment names at each
** dial, NULL for none. The text is borrowed; tls, for https proxies, may be
** NULL and is retained. */
void wsm_link_proxy (struct wsm_link *l, const char *proxy,
                     struct wsm_tls_context *tls);

/* The rules for wss from the next dial on; retained. */
void wsm_link_secure (struct wsm_link *l, struct wsm_tls_context *tls);
bool wsm_link_is_secured (const struct wsm_link *l);

/* Writes what waits, now. */
void wsm_link_flush (struct wsm_link *l);

/* Acts on what the manager wants now. Call it after every call on the manager
** that is not one of those below. */
void wsm_link_settle (struct wsm_link *l);

/* The path of each message. */
enum wsm_sent wsm_link_send (struct wsm_link *l, unsigned opcode,
                             const void *data, size_t n);
enum wsm_input wsm_link_next (struct wsm_link *l, struct wsm_message *m);
void wsm_link_pop (struct wsm_link *l);

/* A ready-made unmasked frame to one client of a server (broadcast). */
enum wsm_sent wsm_link_send_frame (struct wsm_link *l, const void *frame,
                                   size_t n);

/* The peer's address as text. */
void wsm_link_peer (struct wsm_link *l, char *to, size_t n);

/* TLS of the connection, or NULL. */
const struct wsm_tls *wsm_link_tls (const struct wsm_link *l);

#endif
