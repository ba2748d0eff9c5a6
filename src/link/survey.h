/*
** survey.h - all links of a loop: what they have counted together, and an order of them
** Depends on link.h and totals.h. It walks the loop's handles, when somebody asks.
** Never changes a link; no message pays for it.
*/
#ifndef WSM_SURVEY_H
#define WSM_SURVEY_H

#include "link/link.h"

/* What all connections of a role on the loop have counted, with those that are gone,
** and how many of them are how now. */
struct wsm_survey {
  struct wsm_totals totals;
  struct wsm_counters counters;
  uint64_t states[WSM_STATE_EXHAUSTED + 1];
  uint64_t buffered, unread;       /* bytes */
  uint64_t outbox, unacknowledged; /* messages */
  uint64_t full;   /* whose output or outbox has no room for another message */
  uint64_t paused; /* whose inbox is full */
};

/* false: no memory. */
bool wsm_survey_sum (struct wsm_loop *loop, enum wsm_role role,
                     struct wsm_survey *to);

/* What an order goes by; the names in Lua are in ltotals.c. */
enum wsm_survey_key {
  WSM_BY_AGE, /* of the connection that is open; what is not comes as the youngest */
  WSM_BY_BUFFERED,
  WSM_BY_UNREAD,
  WSM_BY_MESSAGES_IN,
  WSM_BY_MESSAGES_OUT,
  WSM_BY_BYTES_IN,
  WSM_BY_BYTES_OUT,
  WSM_BY_LATENCY,
  WSM_SURVEY_KEYS /* none: so many there are */
};

struct wsm_survey_query {
  enum wsm_role role;
  enum wsm_survey_key key;
  bool ascending;
  const int64_t *only; /* rising: of these alone; NULL: of all */
  size_t only_count;
};

struct wsm_ranked {
  double key;
  int64_t id;
};

/* Those in order, in an array that the caller frees (wsm_free), and how many; equal ones
** by their number. None that is closed for good, and of a server's only those that
** reached the 101. NULL without memory. */
struct wsm_ranked *wsm_survey_rank (struct wsm_loop *loop,
                                    const struct wsm_survey_query *query,
                                    size_t *count);

#endif
