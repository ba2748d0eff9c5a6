/*
** guest.h - the sockets and the timer of a foreign library, on a loop
** Depends on handle.h, fork.h and libuv. Another module of ours, which links that
** library and not this one, gets the functions in a table.
** Never reads or writes a socket.
*/
#ifndef WSM_GUEST_H
#define WSM_GUEST_H

#include <stdbool.h>
#include <stdint.h>

struct wsm_guest;
struct wsm_guest_socket;
struct wsm_loop;

/* What a socket is watched for, and what is told of it. */
enum { WSM_GUEST_READ = 1, WSM_GUEST_WRITE = 2, WSM_GUEST_ERROR = 4 };

struct wsm_guest_calls {
  void (*on_socket)(void *owner, int fd, int events);
  void (*on_timer)(void *owner);
  /* the loop is being freed: it is to stop watching its sockets. Or this is a
     forked child, where they are closed and not watched already. From now on it
     has no loop, and is to be freed, but not inside this call */
  void (*on_lost)(void *owner, bool forked);
};

/* Which of the 32 descriptors from the lowest free one on are free. */
struct wsm_guest_gap {
  int from; /* -1: unknown */
  uint32_t free;
};

#define WSM_GUEST_VERSION 1 /* another one for each change of this header */

/* The functions, for another module. */
struct wsm_guest_table {
  unsigned version; /* first, and the same in all versions */

  /* A guest on the loop, which keeps the loop turning as long as it watches
     anything. NULL: no memory. */
  struct wsm_guest *(*enter)(struct wsm_loop *loop,
                             const struct wsm_guest_calls *calls, void *owner);

  /* Not inside one of its calls. */
  void (*leave)(struct wsm_guest *guest);

  /* The handle's id, as wsm_loop_ready returns it. */
  int64_t (*id)(const struct wsm_guest *guest);

  /* Makes it ready. */
  void (*notify)(struct wsm_guest *guest);

  /* Calls on_timer in so many milliseconds, and never inside this call; negative:
     never. */
  void (*set_timer)(struct wsm_guest *guest, int64_t ms);

  /* Watches a descriptor, which may be one that it watches already (s; else NULL).
     NULL: it cannot be watched. */
  struct wsm_guest_socket *(*watch)(struct wsm_guest *guest,
                                    struct wsm_guest_socket *s, int fd,
                                    int events);

  /* Before it is closed. */
  void (*unwatch)(struct wsm_guest_socket *s);

  /* How many descriptors it watches. */
  unsigned long (*watched)(const struct wsm_guest *guest);

  /* As socket and close. It is not inherited by programs that are started, and a
     forked child closes its copy. */
  int (*open_socket)(int family, int type, int protocol);
  void (*close_socket)(int fd);

  /* Around a call of a library that opens a few descriptors: programs that are
     started do not inherit those. */
  void (*note_free)(struct wsm_guest_gap *gap);
  void (*close_on_exec)(const struct wsm_guest_gap *gap);

  /* wsm_fork_count. */
  unsigned (*forks)(void);
};

extern const struct wsm_guest_table wsm_guest_table;

#endif
