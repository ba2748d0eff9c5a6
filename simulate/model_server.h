/*
** model_server.h - the server of a simulated world
** Depends on network.h and frames.h. It reads and writes WebSockets in its own way
** and checks what it reads: the applications' messages are numbered.
** Never asks the manager anything.
*/
#ifndef SIMULATE_MODEL_SERVER_H
#define SIMULATE_MODEL_SERVER_H

#include "world.h"

/* One connection. */
struct peer {
  struct server *server;
  struct account *account;
  struct tcp *tcp; /* NULL: closed at this end */
  struct bytes in, out;
  bool open;      /* the handshake is done */
  bool closing;   /* our close frame is out */
  bool woken;     /* it will read soon */
  bool hung;      /* it reads nothing */
  bool silent;    /* it answers no heartbeat */
  bool owes;      /* the answer to a heartbeat, until it answers another one */
  bool logged_in; /* or need not */
  uint64_t accepted_ms;
  uint64_t number; /* of the account's connections, from 1 */
  struct passing passing;
  uint64_t run;    /* the last one read, where they are confirmed */
  uint64_t whole;  /* messages read */
  uint64_t pushed; /* messages written */
  uint64_t *ends;  /* of those the offsets behind them, that matter yet */
  size_t end_first, end_count, end_room;
  uint64_t written;  /* bytes, ever */
  uint64_t hung_ms;  /* it last was hung; 0: never */
  bool attached;     /* the client's end is in use */
  struct peer *next; /* of the server's */
};

struct server {
  struct world *world;
  struct random random;
  struct listener listener;
  struct peer *peers;
  bool down;           /* nobody listens */
  bool off;            /* nothing answers */
  bool mute;           /* the handshake is never answered */
  const char *welcome; /* what it says to a login; NULL: nothing */
  unsigned refusal;    /* 429, 503; 0: none */
  unsigned retry_after_s;
};

struct server *model_server_new (struct world *w);
void model_server_free (struct server *s);
const struct listener *model_server_listener (const struct server *s);

/* Its process or machine ends and comes back after so long. */
void model_server_restart (struct server *s, unsigned how, uint64_t down_ms);

/* The next message for the client, if it is connected. */
void peer_push (struct peer *p, size_t size, bool in_fragments);

/* A message, at once. */
void peer_write (struct peer *p, const char *text);
void peer_write_bytes (struct peer *p, const char *text, size_t n);

void peer_close (struct peer *p, unsigned code);
void peer_reset (struct peer *p);
void peer_resume (struct peer *p); /* no longer hung or silent */

/* How many of our messages the client's driver has read wholly. */
uint64_t peer_count_read (const struct peer *p, const struct tcp *t);

/* The client has left the connection; p is not used by it any more. Counts the
** messages that its kernel took wholly. */
void peer_detach (struct peer *p, const struct tcp *t);

#endif
