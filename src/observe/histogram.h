/*
** histogram.h - how many durations were not longer than each of some bounds
** Depends on nothing. The bounds are fixed: one list for each kind of duration.
** Never reads a clock.
*/
#ifndef WSM_HISTOGRAM_H
#define WSM_HISTOGRAM_H

#include <stdint.h>

#define WSM_BUCKETS 14 /* the most bounds of a list */

/* Upper bounds, in order, in a unit of which there are so many in a second; what is
** longer than the last is in no bucket. */
struct wsm_bounds {
  uint32_t count;
  uint32_t per_second;
  uint32_t at[WSM_BUCKETS];
};

/* Zero it to start. */
struct wsm_histogram {
  uint64_t buckets[WSM_BUCKETS]; /* of the bound, and not of the one before */
  uint64_t count;                /* of all, the longest too */
  double sum;                    /* in the unit of its bounds */
};

void wsm_histogram_note (struct wsm_histogram *h, const struct wsm_bounds *b,
                         uint64_t duration);

#endif
