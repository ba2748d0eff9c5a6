#include "io/alarm.h"

#include <stddef.h>
#ifdef __linux__
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>
#include "base/heap.h"
#include "base/memory.h"
#endif
#include "base/hidden.h"

#ifdef __linux__

#define AT_ONCE 0

struct wsm_alarm {
  uv_poll_t poll;
  int fd;
  uint64_t at_ms; /* what it is set to: AT_ONCE, a time, or WSM_NEVER */
};

static void on_alarm (uv_poll_t *poll, int status, int events) {
  struct wsm_alarm *a = poll->data;
  uint64_t times;
  (void)status;
  (void)events;
  /* read, or it would wake the loop up for ever */
  if (read(a->fd, &times, sizeof times) > 0) a->at_ms = WSM_NEVER;
}

/* At once: libuv would tell the kernel when it polls the next time, and puts up with
** one that is there already. */
static int watch (int epoll, int fd) {
  struct epoll_event event;
  memset(&event, 0, sizeof event);
  event.events = EPOLLIN;
  event.data.fd = fd;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

struct wsm_alarm *wsm_alarm_new (struct uv_loop_s *uv) {
  struct wsm_alarm *a = wsm_zalloc(sizeof *a);
  if (!a) return NULL;
  a->fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  if (a->fd >= 0 && uv_poll_init(uv, &a->poll, a->fd) == 0) {
    a->at_ms = WSM_NEVER;
    a->poll.data = a;
    (void)uv_poll_start(&a->poll, UV_READABLE, on_alarm);
    (void)watch(uv_backend_fd(uv), a->fd);
    uv_unref((uv_handle_t *)&a->poll);
    return a;
  }
  if (a->fd >= 0) close(a->fd);
  wsm_free(a);
  return NULL;
}

/* Setting it also makes it unreadable again: one that has gone off is set anew. */
void wsm_alarm_set (struct wsm_alarm *a, uint64_t at_ms, uint64_t now_ms) {
  struct itimerspec spec;
  const uint64_t after = at_ms - now_ms;
  if (at_ms <= now_ms) at_ms = AT_ONCE;
  if (at_ms == a->at_ms && (at_ms == AT_ONCE || at_ms > now_ms)) return;
  a->at_ms = at_ms;
  memset(&spec, 0, sizeof spec);
  if (at_ms == AT_ONCE) {
    spec.it_value.tv_nsec = 1;
  } else if (at_ms != WSM_NEVER) {
    spec.it_value.tv_sec = (time_t)(after / 1000);
    spec.it_value.tv_nsec = (long)(after % 1000) * 1000000L;
  }
  timerfd_settime(a->fd, 0, &spec, NULL);
}

void wsm_alarm_set_latest (struct wsm_alarm *a, uint64_t at_ms,
                           uint64_t now_ms) {
  if (a->at_ms <= now_ms || a->at_ms > at_ms) wsm_alarm_set(a, at_ms, now_ms);
}

#else

struct wsm_alarm *wsm_alarm_new (struct uv_loop_s *uv) {
  (void)uv;
  return NULL;
}

void wsm_alarm_set (struct wsm_alarm *a, uint64_t at_ms, uint64_t now_ms) {
  (void)a;
  (void)at_ms;
  (void)now_ms;
}

void wsm_alarm_set_latest (struct wsm_alarm *a, uint64_t at_ms,
                           uint64_t now_ms) {
  wsm_alarm_set(a, at_ms, now_ms);
}

#endif
