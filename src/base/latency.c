#include "base/latency.h"
#include "base/hidden.h"

void wsm_latency_note (struct wsm_latency *l, uint64_t ms) {
  const double exact = (double)ms;
  if (l->count == 0) l->smoothed_ms = exact;
  else l->smoothed_ms += (exact - l->smoothed_ms) / 8;
  l->last_ms[l->next] = ms < UINT16_MAX ? (uint16_t)ms : UINT16_MAX;
  l->next = (uint8_t)((l->next + 1) % WSM_LATENCIES);
  if (l->count < WSM_LATENCIES) l->count++;
}

uint32_t wsm_latency_p99 (const struct wsm_latency *l) {
  uint32_t longest = 0, second = 0, i;
  for (i = 0; i < l->count; i++) {
    const uint32_t ms = l->last_ms[i];
    if (ms > longest) {
      second = longest;
      longest = ms;
    } else if (ms > second) {
      second = ms;
    }
  }
  return l->count < WSM_LATENCIES ? longest : second;
}
