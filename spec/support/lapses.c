/*
** lapses.c - a process in which time passes only while it waits
** Depends on nothing; preloaded. The clocks that go on by themselves stand still,
** and a poll() that finds nothing ready lets its timeout pass at once. What a process
** sends to itself over loopback is there before the next poll(), or SETTLE_MS later
** where the machine is busy. Who reads the clock again and again, as for less than a
** millisecond nobody calls poll(), gets to the next millisecond. CLOCK_REALTIME is
** the kernel's.
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>

#define NS 1000000000LL
#define NS_PER_MS 1000000LL
#define SETTLE_MS 20
#define MANY 2000

static long long now = 1000 * NS;
static int readings; /* since time has passed */

int clock_gettime (clockid_t id, struct timespec *t) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
  if (id != CLOCK_MONOTONIC && id != CLOCK_MONOTONIC_COARSE &&
      id != CLOCK_BOOTTIME)
    return real(id, t);
  if (++readings == MANY) {
    now = (now / NS_PER_MS + 1) * NS_PER_MS;
    readings = 0;
  }
  t->tv_sec = now / NS;
  t->tv_nsec = now % NS;
  return 0;
}

/* Time is what poll() lets pass: no timer of the kernel goes off. */
int timerfd_settime (int fd, int flags, const struct itimerspec *at,
                     struct itimerspec *before) {
  (void)fd;
  (void)flags;
  (void)at;
  if (before) memset(before, 0, sizeof *before);
  return 0;
}

int poll (struct pollfd *fds, nfds_t n, int timeout) {
  static int (*real)(struct pollfd *, nfds_t, int);
  int ready;
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "poll");
  ready =
    real(fds, n, timeout < 0 || timeout > SETTLE_MS ? SETTLE_MS : timeout);
  readings = 0;
  if (ready == 0 && timeout > 0) now += timeout * NS_PER_MS;
  return ready;
}
