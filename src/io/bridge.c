#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4 */
#endif
#include "io/bridge.h"

#include <stddef.h>
#ifdef __linux__
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/memory.h"
#endif
#include "base/hidden.h"

#ifdef __linux__

#define SECRET_SECONDS 5 /* to come, of whoever has connected */

struct wsm_bridge {
  int fd, epoll, quit, listener; /* -1: none */
  int stream;                    /* the thread's */
  int port;
  bool running;
  pthread_t thread;
  unsigned char secret[WSM_BRIDGE_SECRET];
};

static int watch (struct wsm_bridge *b, int how, int fd, uint32_t events) {
  struct epoll_event event;
  memset(&event, 0, sizeof event);
  event.events = events;
  event.data.fd = fd;
  return epoll_ctl(b->epoll, how, fd, &event);
}

/* --- the thread --- */

static bool knows_secret (const struct wsm_bridge *b, int stream) {
  const struct timeval wait = { SECRET_SECONDS, 0 };
  unsigned char got[WSM_BRIDGE_SECRET];
  setsockopt(stream, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  return recv(stream, got, sizeof got, MSG_WAITALL) == (ssize_t)sizeof got &&
         memcmp(got, b->secret, sizeof got) == 0;
}

static void accept_host (struct wsm_bridge *b) {
  const int yes = 1, stream = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC);
  if (stream < 0) return;
  if (!knows_secret(b, stream)) {
    close(stream);
    return;
  }
  setsockopt(stream, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  b->stream = stream;
  watch(b, EPOLL_CTL_DEL, b->listener, 0);
  watch(b, EPOLL_CTL_ADD, b->fd, EPOLLIN | EPOLLONESHOT);
}

static void *work (void *of) {
  struct wsm_bridge *b = of;
  struct epoll_event event;
  for (;;) {
    if (epoll_wait(b->epoll, &event, 1, -1) != 1) continue;
    if (event.data.fd == b->quit) return NULL;
    if (event.data.fd == b->listener) accept_host(b);
    else if (send(b->stream, "!", 1, MSG_NOSIGNAL) < 0) return NULL;
  }
}

static bool start (struct wsm_bridge *b) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  b->running = pthread_create(&b->thread, NULL, work, b) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return b->running;
}

/* --- its owner's side --- */

static bool listen_locally (struct wsm_bridge *b) {
  struct sockaddr_in at;
  socklen_t size = sizeof at;
  memset(&at, 0, sizeof at);
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  b->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (b->listener < 0 ||
      bind(b->listener, (const struct sockaddr *)&at, sizeof at) != 0 ||
      listen(b->listener, 4) != 0 ||
      getsockname(b->listener, (struct sockaddr *)&at, &size) != 0)
    return false;
  b->port = ntohs(at.sin_port);
  return true;
}

static bool open_all (struct wsm_bridge *b, int fd) {
  b->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  b->epoll = epoll_create1(EPOLL_CLOEXEC);
  b->quit = eventfd(0, EFD_CLOEXEC);
  return b->fd >= 0 && b->epoll >= 0 && b->quit >= 0 &&
         getrandom(b->secret, sizeof b->secret, 0) ==
           (ssize_t)sizeof b->secret &&
         listen_locally(b) && watch(b, EPOLL_CTL_ADD, b->quit, EPOLLIN) == 0 &&
         watch(b, EPOLL_CTL_ADD, b->listener, EPOLLIN) == 0;
}

struct wsm_bridge *wsm_bridge_new (int fd, struct wsm_error *e) {
  struct wsm_bridge *b = wsm_zalloc(sizeof *b);
  if (!b) {
    wsm_error_set(e, WSM_FULL, "no memory for a thread beside the host");
    return NULL;
  }
  b->fd = b->epoll = b->quit = b->listener = b->stream = -1;
  if (open_all(b, fd) && start(b)) return b;
  wsm_bridge_free(b);
  wsm_error_set(e, WSM_REFUSED, "no thread could be started beside the host");
  return NULL;
}

static void close_one (int fd) {
  if (fd >= 0) close(fd);
}

void wsm_bridge_free (struct wsm_bridge *b) {
  const uint64_t one = 1;
  if (b->running && write(b->quit, &one, sizeof one) == (ssize_t)sizeof one)
    pthread_join(b->thread, NULL);
  close_one(b->stream);
  close_one(b->listener);
  close_one(b->epoll);
  close_one(b->quit);
  close_one(b->fd);
  wsm_free(b);
}

int wsm_bridge_port (const struct wsm_bridge *b) {
  return b->port;
}

const unsigned char *wsm_bridge_secret (const struct wsm_bridge *b) {
  return b->secret;
}

/* Fails before the thread has added the descriptor, armed. */
void wsm_bridge_arm (struct wsm_bridge *b) {
  watch(b, EPOLL_CTL_MOD, b->fd, EPOLLIN | EPOLLONESHOT);
}

#else

struct wsm_bridge *wsm_bridge_new (int fd, struct wsm_error *e) {
  (void)fd;
  wsm_error_set(e, WSM_REFUSED, "a thread beside the host needs Linux");
  return NULL;
}

void wsm_bridge_free (struct wsm_bridge *b) {
  (void)b;
}

int wsm_bridge_port (const struct wsm_bridge *b) {
  (void)b;
  return 0;
}

const unsigned char *wsm_bridge_secret (const struct wsm_bridge *b) {
  (void)b;
  return NULL;
}

void wsm_bridge_arm (struct wsm_bridge *b) {
  (void)b;
}

#endif
