#include "io/clock.h"

#include <time.h>
#ifdef __APPLE__
#include <mach/mach_time.h>
#endif
#include "base/hidden.h"

#define NS_PER_MS 1000000
#define NS_PER_S 1000000000

static uint64_t read_ns (clockid_t id) {
  struct timespec now;
  if (clock_gettime(id, &now) != 0) return 0;
  return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

#if defined __APPLE__

static uint64_t now_ns (void) {
  static mach_timebase_info_data_t base;
  if (base.denom == 0) mach_timebase_info(&base);
  return (uint64_t)((double)mach_continuous_time() * base.numer / base.denom);
}

#elif defined CLOCK_BOOTTIME

static uint64_t now_ns (void) {
  return read_ns(CLOCK_BOOTTIME);
}

#else

static uint64_t now_ns (void) {
  return read_ns(CLOCK_MONOTONIC);
}

#endif

uint64_t wsm_clock_ms (void) {
  return now_ns() / NS_PER_MS;
}

double wsm_clock_seconds (void) {
  return (double)now_ns() / NS_PER_S;
}

uint64_t wsm_clock_read_ms (const struct wsm_test_clock *c) {
  if (!c) return wsm_clock_ms();
  return c->frozen ? c->frozen_ms : wsm_clock_ms() + c->ahead_ms;
}

double wsm_clock_read_seconds (const struct wsm_test_clock *c) {
  if (c->frozen) return (double)c->frozen_ms / 1000;
  return wsm_clock_seconds() + (double)c->ahead_ms / 1000;
}

void wsm_clock_freeze (struct wsm_test_clock *c, bool frozen) {
  const uint64_t now = wsm_clock_read_ms(c), real = wsm_clock_ms();
  if (c->frozen == frozen) return;
  c->frozen = frozen;
  c->frozen_ms = now;
  c->ahead_ms = now > real ? now - real : 0;
}

#ifdef __APPLE__
#define CLOCK_AWAKE CLOCK_UPTIME_RAW /* its CLOCK_MONOTONIC counts a suspend */
#else
#define CLOCK_AWAKE CLOCK_MONOTONIC
#endif

uint64_t wsm_clock_awake_ms (void) {
  return read_ns(CLOCK_AWAKE) / NS_PER_MS;
}
