/*
** suspends.c - a machine that is suspended while it waits
** Depends on lua.h; preloaded, and loaded by programs of a spec. CLOCK_BOOTTIME
** is ahead of the kernel's by as long as the machine was suspended, and timers
** of that clock go off when they should have gone off meanwhile; the rest of the
** process, poll() above all, has noticed nothing.
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <sys/timerfd.h>
#include <time.h>
#include "lua/compat.h"

#define NS 1000000000LL
#define DESCRIPTORS 256
#define LONG_MS 1000

int luaopen_suspends (lua_State *L);

static long long ahead, pending;   /* ns */
static long long due[DESCRIPTORS]; /* a timer of that clock: when; 0: none */

static long long to_ns (const struct timespec *t) {
  return t->tv_sec * NS + t->tv_nsec;
}

static struct timespec to_timespec (long long ns) {
  struct timespec t;
  t.tv_sec = ns / NS;
  t.tv_nsec = ns % NS;
  return t;
}

int clock_gettime (clockid_t id, struct timespec *t) {
  static int (*real)(clockid_t, struct timespec *);
  int result;
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
  result = real(id, t);
  if (id == CLOCK_BOOTTIME) *t = to_timespec(to_ns(t) + ahead);
  return result;
}

static void set_kernel (int fd) {
  static int (*real)(int, int, const struct itimerspec *, struct itimerspec *);
  struct itimerspec at = { { 0, 0 }, { 0, 1 } };
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "timerfd_settime");
  if (due[fd] > ahead) at.it_value = to_timespec(due[fd] - ahead);
  real(fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* The loop's are absolute, a host's are not: those are left as they are. */
int timerfd_settime (int fd, int flags, const struct itimerspec *at,
                     struct itimerspec *before) {
  static int (*real)(int, int, const struct itimerspec *, struct itimerspec *);
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "timerfd_settime");
  if (!(flags & TFD_TIMER_ABSTIME) || fd >= DESCRIPTORS)
    return real(fd, flags, at, before);
  due[fd] = to_ns(&at->it_value);
  set_kernel(fd);
  return 0;
}

static void suspend (long long ns) {
  int fd;
  ahead += ns;
  for (fd = 0; fd < DESCRIPTORS; fd++)
    if (due[fd]) set_kernel(fd);
}

int poll (struct pollfd *fds, nfds_t n, int timeout) {
  static int (*real)(struct pollfd *, nfds_t, int);
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "poll");
  if (pending && (timeout < 0 || timeout >= LONG_MS)) {
    suspend(pending);
    pending = 0;
  }
  return real(fds, n, timeout);
}

/* next_wait(seconds): the next long poll() is when the machine is suspended. */
static int next_wait (lua_State *L) {
  pending = (long long)(luaL_checknumber(L, 1) * NS);
  return 0;
}

static const luaL_Reg functions[] = { { "next_wait", next_wait },
                                      { NULL, NULL } };

__attribute__((visibility("default"))) int luaopen_suspends (lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
