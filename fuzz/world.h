/*
** world.h - a manager's driver, kernel and clock, for a fuzzer
** Stands on manager.h. What a driver has to do for a manager is done here, and
** what has to hold after everything is checked.
** Never lets a message of either side go uncounted, but where memory fails.
*/
#ifndef WSM_WORLD_H
#define WSM_WORLD_H

#include "base/buffer.h"
#include "input.h"
#include "manager/manager.h"

#define MESSAGES 1000 /* of each side, at most */

enum socket { SOCKET_NONE, SOCKET_DIALLING, SOCKET_UP };

struct world {
  struct input *in;
  uint32_t seed;
  bool starves; /* memory fails at times: messages are not counted */
  long fails;   /* after so many allocations of this step; -1: never */
  uint64_t now;
  struct wsm_policy policy;
  struct wsm_keys keys;
  struct wsm_pool pool;
  struct wsm_url url;
  struct wsm_request ask;
  struct wsm_manager manager;
  enum socket socket;
  bool finished, resting;   /* the driver's */
  struct wsm_buffer kernel; /* what this connection's socket took */
  bool opened;              /* this connection was */
  bool done;                /* the peer has said its last word on it */
  unsigned said, heard;     /* the peer's messages, those the application has */
  bool must[MESSAGES];      /* the peer's: it has to have it */
  unsigned sent, delivered; /* the application's, those the peer has */
  unsigned tries;           /* dials in a row that came to nothing */
  unsigned moves;           /* redirects since the target was named */
  uint64_t dials, opens;
};

/* Message number `number` of a side ('s': the application, 'p': the peer). */
size_t world_size (unsigned number);
const char *world_text (char kind, unsigned number);

/* The peer has one more of the application's messages, or finds one unsent. */
void world_deliver (struct world *w, const unsigned char *data, size_t n);

/* The application has one more of the peer's. */
void world_receive (struct world *w, const struct wsm_message *m);

/* Names the target of a dial. */
void world_target (struct world *w);

/* The kernel takes some of the output, or all. */
void world_take (struct world *w, bool all);

/* The driver reads n bytes, in pieces. */
void world_hear (struct world *w, const unsigned char *bytes, size_t n);

/* The socket is gone, or never came. */
void world_lose (struct world *w, const struct wsm_error *e);

/* The driver does what the manager wants; then all has to be well. */
void world_act (struct world *w);

/* It is `now`: a tick makes progress, soon there is nothing that was due. */
void world_tick (struct world *w);

#endif
