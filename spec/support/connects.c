/*
** connects.c - connects in a network that does what it is told
** connects self: to a port where nobody listens, from that same port.
** connects stagger: to a name with two addresses, the first of which never
** answers. Prints what happens, in order, with two timers between: a word each.
** Defines connect, getaddrinfo and freeaddrinfo, in place of the system's.
** Depends on io/connect.h and io/loop.h.
*/
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>
#include "io/connect.h"
#include "io/loop.h"

#define EARLY_MS 100 /* before the second attempt may begin ... */
#define LATE_MS 1500 /* ... and after it must have */

static int from_same_port, attempts, over;

/* --- the network --- */

static struct sockaddr_in address (const char *ip, int port) {
  struct sockaddr_in a;
  memset(&a, 0, sizeof a);
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = inet_addr(ip);
  a.sin_port = htons((uint16_t)port);
  return a;
}

static int plain_connect (int fd, const struct sockaddr *to, socklen_t n) {
  return (int)syscall(SYS_connect, fd, to, n);
}

int connect (int fd, const struct sockaddr *to, socklen_t n) {
  if (from_same_port && bind(fd, to, n) != 0) perror("bind");
  printf("attempt%d\n", ++attempts);
  return plain_connect(fd, to, n);
}

int getaddrinfo (const char *name, const char *service,
                 const struct addrinfo *hints, struct addrinfo **list) {
  static struct sockaddr_in to[2];
  static struct addrinfo found[2];
  int i;
  (void)name;
  (void)service;
  (void)hints;
  to[0] = address("127.0.0.2", 0);
  to[1] = address("127.0.0.1", 0);
  for (i = 0; i < 2; i++) {
    found[i].ai_family = AF_INET;
    found[i].ai_socktype = SOCK_STREAM;
    found[i].ai_addr = (struct sockaddr *)&to[i];
    found[i].ai_addrlen = sizeof to[i];
    found[i].ai_next = i ? NULL : &found[1];
  }
  *list = found;
  return 0;
}

void freeaddrinfo (struct addrinfo *list) {
  (void)list;
}

/* A socket bound to the address; port 0: any, returned there. */
static int bind_to (const char *ip, int *port) {
  struct sockaddr_in a = address(ip, *port);
  socklen_t n = sizeof a;
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(fd, (struct sockaddr *)&a, n) != 0) {
    close(fd);
    return -1;
  }
  getsockname(fd, (struct sockaddr *)&a, &n);
  *port = ntohs(a.sin_port);
  return fd;
}

/* A listener that answers nobody: its queue is full. */
static void listen_full (int fd, int port) {
  struct sockaddr_in a = address("127.0.0.2", port);
  int i;
  listen(fd, 0);
  for (i = 0; i < 4; i++) {
    const int peer = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)plain_connect(peer, (struct sockaddr *)&a, sizeof a);
  }
}

static int listen_on_both (void) {
  int port, full, open;
  do {
    port = 0;
    full = bind_to("127.0.0.2", &port);
    open = bind_to("127.0.0.1", &port);
    if (open < 0) close(full);
  } while (open < 0);
  listen(open, 8);
  listen_full(full, port);
  return port;
}

/* --- what happens --- */

static void on_done (void *owner, int fd, const struct wsm_error *e) {
  (void)owner;
  puts(fd >= 0 ? "connected" : e->token == WSM_REFUSED ? "refused" : "failed");
  if (fd >= 0) close(fd);
  over = 1;
}

static void on_timer (uv_timer_t *timer) {
  if (!over) puts(timer->data);
}

static void start_timer (struct uv_loop_s *uv, uv_timer_t *timer,
                         const char *word, uint64_t ms) {
  static char words[2][8];
  static int used;
  timer->data = strcpy(words[used++], word);
  uv_timer_init(uv, timer);
  uv_update_time(uv);
  uv_timer_start(timer, on_timer, ms, 0);
}

int main (int count, char **words) {
  struct wsm_error e;
  struct wsm_loop *loop = wsm_loop_new(&e);
  struct wsm_connect_options to = { "two.test", 0, NULL };
  uv_timer_t early, late;
  struct uv_loop_s *uv;
  if (!loop || count != 2) return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  uv = wsm_loop_uv(loop);
  from_same_port = strcmp(words[1], "self") == 0;
  if (from_same_port) {
    to.host = "127.0.0.1";
    close(bind_to(to.host, &to.port));
  } else to.port = listen_on_both();
  start_timer(uv, &early, "early", EARLY_MS);
  start_timer(uv, &late, "late", LATE_MS);
  if (!wsm_connect_start(uv, &to, on_done, NULL)) return 2;
  while (!over) wsm_loop_turn(loop, 1000);
  uv_close((uv_handle_t *)&early, NULL);
  uv_close((uv_handle_t *)&late, NULL);
  wsm_loop_turn(loop, 0);
  wsm_loop_free(loop);
  return 0;
}
