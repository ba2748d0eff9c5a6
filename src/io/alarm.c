#include "io/alarm.h"

#include <stddef.h>
#ifdef __linux__
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>
#include "base/memory.h"
#endif
#include "base/hidden.h"

#ifdef __linux__

struct wsm_alarm {
  uv_poll_t poll;
  int fd;
  uint64_t at_ms; /* what it is set to */
};

static void on_alarm (uv_poll_t *poll, int status, int events) {
  const struct wsm_alarm *a = poll->data;
  uint64_t times;
  (void)status;
  (void)events;
  /* read, or it would wake the loop up for ever */
  if (read(a->fd, &times, sizeof times) < 0) return;
}

struct wsm_alarm *wsm_alarm_new (struct uv_loop_s *uv) {
  struct wsm_alarm *a = wsm_zalloc(sizeof *a);
  if (!a) return NULL;
  a->fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  if (a->fd >= 0 && uv_poll_init(uv, &a->poll, a->fd) == 0) {
    a->poll.data = a;
    (void)uv_poll_start(&a->poll, UV_READABLE, on_alarm);
    uv_unref((uv_handle_t *)&a->poll);
    return a;
  }
  if (a->fd >= 0) close(a->fd);
  wsm_free(a);
  return NULL;
}

void wsm_alarm_set (struct wsm_alarm *a, uint64_t at_ms, uint64_t now_ms) {
  struct itimerspec spec;
  if (a->at_ms > now_ms && a->at_ms <= at_ms) return;
  a->at_ms = at_ms;
  memset(&spec, 0, sizeof spec);
  spec.it_value.tv_sec = (time_t)(at_ms / 1000);
  spec.it_value.tv_nsec = (long)(at_ms % 1000) * 1000000L;
  timerfd_settime(a->fd, TFD_TIMER_ABSTIME, &spec, NULL);
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

#endif
