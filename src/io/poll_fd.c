#include "io/poll_fd.h"

#include <stddef.h>
#ifdef __linux__
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "base/memory.h"
#endif
#include "base/hidden.h"

#ifdef __linux__

#define NEVER UINT64_MAX /* armed_ms of a timer that is not set */
#define AT_ONCE 0

struct wsm_poll_fd {
  int epoll, timer;
  uint64_t armed_ms; /* what the timer is set to */
};

static int watch (int epoll, int fd) {
  struct epoll_event event;
  memset(&event, 0, sizeof event);
  event.events = EPOLLIN;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

struct wsm_poll_fd *wsm_poll_fd_new (int backend) {
  struct wsm_poll_fd *p = wsm_alloc(sizeof *p);
  if (!p) return NULL;
  p->armed_ms = NEVER;
  p->epoll = epoll_create1(EPOLL_CLOEXEC);
  p->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  if (p->epoll >= 0 && p->timer >= 0 && watch(p->epoll, backend) == 0 &&
      watch(p->epoll, p->timer) == 0)
    return p;
  wsm_poll_fd_free(p);
  return NULL;
}

void wsm_poll_fd_free (struct wsm_poll_fd *p) {
  if (p->timer >= 0) close(p->timer);
  if (p->epoll >= 0) close(p->epoll);
  wsm_free(p);
}

int wsm_poll_fd_get (const struct wsm_poll_fd *p) {
  return p->epoll;
}

/* Setting a timerfd also makes it unreadable again: one that has expired is set
** anew, one that is set to the same time is left alone. */
void wsm_poll_fd_set_timeout (struct wsm_poll_fd *p, int64_t timeout_ms,
                              uint64_t now_ms) {
  const uint64_t at = timeout_ms < 0    ? NEVER
                      : timeout_ms == 0 ? AT_ONCE
                                        : now_ms + (uint64_t)timeout_ms;
  struct itimerspec spec;
  if (at == p->armed_ms && (at == AT_ONCE || at > now_ms)) return;
  p->armed_ms = at;
  memset(&spec, 0, sizeof spec);
  if (timeout_ms == 0) {
    spec.it_value.tv_nsec = 1;
  } else if (timeout_ms > 0) {
    spec.it_value.tv_sec = (time_t)(timeout_ms / 1000);
    spec.it_value.tv_nsec = (long)(timeout_ms % 1000) * 1000000L;
  }
  timerfd_settime(p->timer, 0, &spec, NULL);
}

#else

struct wsm_poll_fd *wsm_poll_fd_new (int backend) {
  (void)backend;
  return NULL;
}

void wsm_poll_fd_free (struct wsm_poll_fd *p) {
  (void)p;
}

int wsm_poll_fd_get (const struct wsm_poll_fd *p) {
  (void)p;
  return -1;
}

void wsm_poll_fd_set_timeout (struct wsm_poll_fd *p, int64_t timeout_ms,
                              uint64_t now_ms) {
  (void)p;
  (void)timeout_ms;
  (void)now_ms;
}

#endif
