#include "io/alarm.h"

#include <stddef.h>
#ifdef __linux__
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>
#include "base/heap.h"
#include "base/memory.h"
#endif
#include "base/hidden.h"

#ifdef __linux__

struct source {
  uv_poll_t poll;
  int fd;
};

/* At once is a descriptor of its own: to set a timer and to set it back takes more
** than all else of a turn, where the machine is a virtual one. */
struct wsm_alarm {
  struct source timer, now;
  uint64_t at_ms; /* what the timer is set to, WSM_NEVER: not at all */
  bool is_now;    /* `now` is readable */
};

/* Readable no more; or the loop would wake up for ever. */
static bool clear (const struct source *source) {
  uint64_t times;
  return read(source->fd, &times, sizeof times) > 0;
}

static void on_timer (uv_poll_t *poll, int status, int events) {
  struct wsm_alarm *a = poll->data;
  (void)status;
  (void)events;
  if (clear(&a->timer)) a->at_ms = WSM_NEVER;
}

static void on_now (uv_poll_t *poll, int status, int events) {
  struct wsm_alarm *a = poll->data;
  (void)status;
  (void)events;
  if (clear(&a->now)) a->is_now = false;
}

/* At once: libuv would tell the kernel when it polls the next time, and puts up with
** one that is there already. */
static void tell_kernel (int epoll, int fd) {
  struct epoll_event event;
  memset(&event, 0, sizeof event);
  event.events = EPOLLIN;
  event.data.fd = fd;
  (void)epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static bool watch (struct wsm_alarm *a, struct source *source, int fd,
                   struct uv_loop_s *uv, uv_poll_cb on_readable) {
  source->fd = fd;
  if (fd < 0 || uv_poll_init(uv, &source->poll, fd) != 0) return false;
  source->poll.data = a;
  (void)uv_poll_start(&source->poll, UV_READABLE, on_readable);
  uv_unref((uv_handle_t *)&source->poll);
  tell_kernel(uv_backend_fd(uv), fd);
  return true;
}

static void on_closed (uv_handle_t *poll) {
  wsm_free(poll->data);
}

static bool start (struct wsm_alarm *a, struct uv_loop_s *uv) {
  const int timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  const int now = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const bool begun = watch(a, &a->timer, timer, uv, on_timer);
  if (begun && watch(a, &a->now, now, uv, on_now)) return true;
  if (begun) uv_close((uv_handle_t *)&a->timer.poll, on_closed);
  else wsm_free(a);
  if (timer >= 0) close(timer);
  if (now >= 0) close(now);
  return false;
}

struct wsm_alarm *wsm_alarm_new (struct uv_loop_s *uv) {
  struct wsm_alarm *a = wsm_zalloc(sizeof *a);
  if (!a) return NULL;
  a->at_ms = WSM_NEVER;
  return start(a, uv) ? a : NULL;
}

static void ring (struct wsm_alarm *a) {
  const uint64_t once = 1;
  if (a->is_now) return;
  a->is_now = write(a->now.fd, &once, sizeof once) > 0;
}

static void unring (struct wsm_alarm *a) {
  if (a->is_now && clear(&a->now)) a->is_now = false;
}

/* Setting a timer also makes it unreadable again: one that has gone off is set anew. */
void wsm_alarm_set (struct wsm_alarm *a, uint64_t at_ms, uint64_t now_ms) {
  struct itimerspec spec;
  const uint64_t after = at_ms - now_ms;
  if (at_ms <= now_ms) {
    ring(a);
    return;
  }
  unring(a);
  if (at_ms == a->at_ms) return;
  a->at_ms = at_ms;
  memset(&spec, 0, sizeof spec);
  if (at_ms != WSM_NEVER) {
    spec.it_value.tv_sec = (time_t)(after / 1000);
    spec.it_value.tv_nsec = (long)(after % 1000) * 1000000L;
  }
  timerfd_settime(a->timer.fd, 0, &spec, NULL);
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
