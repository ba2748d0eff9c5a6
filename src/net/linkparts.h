/*
** linkparts.h - what link.c and carry.c share of one link
** Stands on link.h. link.c opens, hangs up and obeys; carry.c moves the bytes
** between the socket, TLS and the session.
*/
#ifndef WSM_LINKPARTS_H
#define WSM_LINKPARTS_H

#include "net/link.h"
#include "net/dial.h"
#include "net/socket.h"

#define WSM_RECORDS 4          /* sealed and not yet with the kernel */
#define WSM_RECORD_BYTES 16384 /* of plaintext, RFC 8446 5.1 */

/* A TLS record on its way: so many bytes of ciphertext carry so many of ours. */
struct wsm_record {
  size_t cipher, plain;
};

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
  struct wsm_ask ask; /* of wsm_link_fix */
  char *host;         /* of the dial, terminated */
  struct wsm_record records[WSM_RECORDS];
  size_t record_count;
  int port;
  bool fixed, secure;
  bool tls_open;
  bool blocked;  /* the kernel takes no more: `writable` comes */
  bool resting;  /* the inbox is full */
  bool finished; /* the end was written */
};

/* The connection, or the attempt at one, is over; e NULL: the peer ended it. */
void wsm_link_fail (struct wsm_link *l, const struct wsm_error *e);

/* After anything happened: does what the manager wants, sets the alarm, tells
** whoever listens. */
void wsm_link_act (struct wsm_link *l);

/* --- carry.c --- */

extern const struct wsm_socket_calls wsm_carry_calls;

/* Starts TLS on a socket that is there, as the role asks. */
void wsm_carry_secure (struct wsm_link *l);

/* Writes what waits, as far as the kernel takes it. */
void wsm_carry_out (struct wsm_link *l);

/* Writes n bytes past the session; how many the kernel took. */
size_t wsm_carry_now (struct wsm_link *l, const void *bytes, size_t n);

/* Tells the manager that the way is free for its opening handshake. */
void wsm_carry_opened (struct wsm_link *l);

#endif
