#include "observe/histogram.h"
#include "base/hidden.h"

void wsm_histogram_note (struct wsm_histogram *h, const struct wsm_bounds *b,
                         uint64_t duration) {
  uint32_t i = 0;
  while (i < b->count && duration > b->at[i]) i++;
  if (i < b->count) h->buckets[i]++;
  h->count++;
  h->sum += (double)duration;
}
