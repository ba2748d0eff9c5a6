#include "observe/histogram.h"
#include "base/hidden.h"

void wsm_histogram_note (struct wsm_histogram *h, const struct wsm_bounds *b,
                         uint64_t ms) {
  uint32_t i = 0;
  while (i < b->count && ms > b->ms[i]) i++;
  if (i < b->count) h->buckets[i]++;
  h->count++;
  h->sum_ms += (double)ms;
}
