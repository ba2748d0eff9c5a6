/*
** world.h - a manager's driver, kernel and clock, for a fuzzer
** Depends on manager.h. Does what a driver has to do for a manager, and checks
** what must hold after every step.
** Never leaves a message of either side uncounted, but where memory fails.
*/
#ifndef WSM_WORLD_H
#define WSM_WORLD_H

#include <zlib.h>

#include "base/buffer.h"
#include "input.h"
#include "manager/manager.h"
#include "observe/journal.h"

#define MESSAGES 1000 /* of each side, at most */

enum socket { SOCKET_NONE, SOCKET_CONNECTING, SOCKET_OPEN };

/* receiving.c: the messages of the peer's that are taken */
struct receiving {
  unsigned char begun[4096]; /* the parts so far of the one that is read ... */
  size_t length;             /* ... which is as long by now */
  bool amidst;               /* its rest is to follow */
  bool keeps;                /* what is taken is kept for others ... */
  size_t kept;               /* ... so many bytes by now */
  bool awaits;               /* room to send */
  z_stream deflater;         /* of the peer, on this connection */
  bool deflates;             /* it was begun */
};

/* notes.c: the journal's, so far */
struct noted {
  uint64_t at_ms, epoch, dropped, opens_ended;
  uint64_t counts[WSM_NOTES];
  bool lost; /* some found no memory */
};

struct world {
  struct input *in;
  uint32_t seed;
  bool memory_fails; /* memory fails at times: messages are not counted */
  long fails;        /* after so many allocations of this step; -1: never */
  uint64_t now;
  struct wsm_policy policy;
  struct wsm_keys keys;
  struct wsm_pool pool;
  struct wsm_url url;
  struct wsm_request request;
  struct wsm_manager manager;
  enum socket socket;
  bool paused;              /* the driver does not read */
  bool hung_up;             /* the peer has ended the connection */
  uint64_t written;         /* to the kernel, on this connection */
  uint64_t acknowledged;    /* of that, by the peer */
  struct wsm_buffer kernel; /* what was written to this connection's socket */
  bool opened;              /* this connection reached the 101 */
  bool done;                /* the peer sends nothing more on it */
  unsigned peer_sent;       /* messages of the peer */
  unsigned received;   /* those that the application has, or will never have */
  bool must[MESSAGES]; /* the application must have this one of the peer's */
  unsigned sent,
    delivered; /* messages of the application; those the peer has */
  struct receiving receiving;
  struct noted noted;
  /* delivery.c */
  bool ids, terms;         /* messages have these */
  uint8_t fates[MESSAGES]; /* what became of each that was sent */
  unsigned next;           /* the peer has none from that on */
  unsigned read;           /* the last one of the connection */
  bool reads;              /* there was one */
  unsigned texts;          /* that it has read of the connection */
  unsigned confirmed;      /* so many of them */
  unsigned heard;          /* ids of the peer's */
  uint64_t told;           /* messages that were given up */
  unsigned tries;          /* attempts in a row that failed */
  unsigned redirects;      /* since the target was set */
  uint64_t attempts, opens, epoch;
  uint64_t login_sent;    /* messages of logins, which are not numbered */
  uint64_t targets_ms[4]; /* when the last attempts began, in a ring ... */
  unsigned targets;       /* ... by their number */
};

/* Message number `number` of a side ('s': the application, 'p': the peer). */
size_t world_size (unsigned number);
const char *world_text (char kind, unsigned number);

/* The peer has one more of the application's messages, or finds one unsent. */
void world_deliver (struct world *w, const unsigned char *data, size_t n);

/* The peer reads what the kernel has. */
void world_peer_reads (struct world *w);

/* The application has one more of the peer's. */
void world_receive (struct world *w, const struct wsm_message *m);

/* Sets the target of an attempt. */
void world_target (struct world *w);

/* Writes some of the output to the socket, or all. */
void world_write (struct world *w, bool all);

/* The driver reads n bytes, in pieces. */
void world_read (struct world *w, const unsigned char *bytes, size_t n);

/* The socket is gone, or never came. */
void world_lose (struct world *w, const struct wsm_error *e);

/* Tells the manager what lies at the socket, if it wants to know. */
void world_report (struct world *w);

/* Does what the manager wants, and checks what must hold. */
void world_update (struct world *w);

/* Ticks at `now` until nothing is due, which must be soon. */
void world_tick (struct world *w);

#endif
