#include "io/clock.h"

#include <uv.h>

double wsm_clock_seconds (void) {
  return (double)uv_hrtime() / 1e9;
}
