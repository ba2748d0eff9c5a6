/*
** link_internal.h - what link.c, carry.c and tunnel.c share of one link
** Stands on link.h. link.c opens, hangs up and obeys; carry.c moves the bytes
** between the socket, TLS and the session; tunnel.c frees the way through a
** proxy before that, and stays below it while TLS with the proxy lasts.
*/
#ifndef WSM_LINK_INTERNAL_H
#define WSM_LINK_INTERNAL_H

#include "link/link.h"
#include "io/connect.h"
#include "io/socket.h"

#define WSM_RECORDS 4          /* sealed and not yet with the kernel */
#define WSM_RECORD_BYTES 16384 /* of plaintext, RFC 8446 5.1 */

/* A TLS record on its way: so many bytes of ciphertext carry so many of ours. */
struct wsm_record {
  size_t cipher, plain;
};

struct wsm_tunnel; /* tunnel.c: a dial through a proxy */

struct wsm_link {
  struct wsm_handle post;
  struct wsm_manager manager;
  struct wsm_server_entry seat;
  const struct wsm_link_keeper *keeper_calls;
  void *keeper;
  struct wsm_connect *dial;
  struct wsm_socket *socket;
  struct wsm_tls_context *tls_context;
  struct wsm_tls *tls;
  struct wsm_tunnel *tunnel; /* NULL: nothing of a proxy's any more */
  const char *proxy;         /* of wsm_link_proxy */
  struct wsm_tls_context *proxy_tls;
  struct wsm_request ask; /* of wsm_link_fix */
  char *host;             /* of the dial, terminated */
  struct wsm_record records[WSM_RECORDS];
  size_t record_count;
  int port;
  bool fixed, secure;
  bool early; /* a first part of this turn was written */
  bool tls_open;
  bool blocked;     /* the kernel takes no more: `writable` comes */
  bool resting;     /* the inbox is full */
  bool finished;    /* the end was written */
  uint8_t appetite; /* how much a read asks for; see carry.c */
};

/* The connection, or the attempt at one, is over; e NULL: the peer ended it. */
void wsm_link_fail (struct wsm_link *l, const struct wsm_error *e);

/* After anything happened: does what the manager wants, sets the alarm, tells
** whoever listens. */
void wsm_link_act (struct wsm_link *l);

/* Keys for all that waits in the outbox and for what one read may cause: before
** the manager is told of anything. */
void wsm_link_supply (struct wsm_link *l);

/* Dials; wsm_tunnel_begin follows if there is a tunnel. */
void wsm_link_reach (struct wsm_link *l, const char *host, int port);

/* --- carry.c --- */

extern const struct wsm_socket_calls wsm_carry_calls;

/* Starts TLS on a socket that is there, as the role asks. */
void wsm_carry_secure (struct wsm_link *l);

/* Writes what waits, as far as the kernel takes it. */
void wsm_carry_out (struct wsm_link *l);

/* n bytes came, through the tunnel. */
void wsm_carry_in (struct wsm_link *l, const unsigned char *bytes, size_t n);

/* Writes n bytes past the session; how many the kernel took. */
size_t wsm_carry_now (struct wsm_link *l, const void *bytes, size_t n);

/* Tells the manager that the way is free for its opening handshake. */
void wsm_carry_opened (struct wsm_link *l);

/* --- tunnel.c --- */

extern const struct wsm_socket_calls wsm_tunnel_calls;

/* Makes l->tunnel if there is a proxy on the way to the target. false: e says
** why it cannot be. */
bool wsm_tunnel_choose (struct wsm_link *l, struct wsm_error *e);

/* Looks up what is to be looked up here, and dials the proxy. */
void wsm_tunnel_dial (struct wsm_link *l);

/* The connection to the proxy is there: speaks to it until the way is free,
** and then does as if it had just been dialled. */
void wsm_tunnel_begin (struct wsm_link *l);

/* Says in e that the proxy was not reached, and why. */
void wsm_tunnel_blame (const struct wsm_link *l, const struct wsm_error *why,
                       struct wsm_error *e);

/* As wsm_socket_write, in TLS with the proxy. What it does not take is to be
** offered again as it was. */
long wsm_tunnel_write (struct wsm_link *l, const void *bytes, size_t n);

/* Ends TLS with the proxy; true when the kernel has all of it, else `writable`
** comes. */
bool wsm_tunnel_finish (struct wsm_link *l);

void wsm_tunnel_free (struct wsm_link *l);

#endif
