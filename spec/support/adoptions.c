/*
** adoptions.c - sockets that libwebsockets cannot adopt for want of memory
** Fails its first allocation, its second ... until an adoption succeeds. The
** number of each failed socket is then another file's, through turns of the loop
** and its end. Prints how many adoptions failed, how many descriptors stayed open,
** and how many files were closed by somebody else. Depends on io/loop.h and
** io/socket.h.
*/
#include <fcntl.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "io/fork.h"
#include "io/loop.h"
#include "io/socket.h"

#define TURNS 5

static long left = -1; /* allocations that still succeed; negative: all */

static void *allocate (void *block, size_t size, const char *reason) {
  (void)reason;
  if (size == 0) {
    free(block);
    return NULL;
  }
  if (left == 0) return NULL;
  if (left > 0) left--;
  return realloc(block, size);
}

static void on_event (void *owner) {
  (void)owner;
}

static void on_lost (void *owner, bool reset) {
  (void)owner;
  (void)reset;
}

static const struct wsm_socket_calls calls = { on_event, on_event, on_lost,
                                               NULL };

static struct wsm_loop *open_loop (void) {
  struct wsm_error e;
  struct wsm_loop *loop = wsm_loop_new(&e);
  if (!loop) exit(2);
  return loop;
}

static void turn (struct wsm_loop *loop) {
  int i;
  for (i = 0; i < TURNS; i++) wsm_loop_turn(loop, 0);
}

static int is_null_device (int fd) {
  struct stat file, null;
  return fstat(fd, &file) == 0 && stat("/dev/null", &null) == 0 &&
         file.st_rdev == null.st_rdev;
}

/* The socket, or NULL: *fd is the number that it had. */
static struct wsm_socket *adopt (struct wsm_loop *loop, long memory, int *fd) {
  struct wsm_error e;
  struct wsm_socket *s;
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) exit(2);
  close(pair[1]);
  *fd = pair[0];
  wsm_fork_add_socket(*fd);
  left = memory;
  s = wsm_socket_adopt(wsm_loop_sockets(loop), *fd, &calls, &left, &e);
  left = -1;
  return s;
}

int main (void) {
  struct wsm_loop *loop;
  struct wsm_socket *s;
  int failed = 0, open_still = 0, lost = 0, fd;
  lws_set_allocator(allocate);
  loop = open_loop();
  turn(loop);
  while (!(s = adopt(loop, failed, &fd))) {
    failed++;
    if (fcntl(fd, F_GETFD) >= 0) open_still++;
    if (open("/dev/null", O_RDWR) != fd) return 2;
    turn(loop);
    wsm_loop_free(loop);
    loop = open_loop();
    turn(loop);
    if (is_null_device(fd)) close(fd);
    else lost++;
  }
  wsm_socket_close(s);
  wsm_loop_free(loop);
  printf("failed: %d\nopen: %d\nfiles lost: %d\n", failed, open_still, lost);
  return 0;
}
