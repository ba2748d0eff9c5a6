#include "link/survey.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "link/shared.h"
#include "base/hidden.h"

/* --- sums --- */

static bool is_full (const struct wsm_manager *m) {
  const struct wsm_policy *p = m->policy;
  if (m->state == WSM_STATE_OPEN &&
      wsm_session_pending(&m->session) >= p->output_bytes)
    return true;
  return m->outbox.count > 0 && (m->outbox.count >= p->outbox_messages ||
                                 m->outbox.payload >= p->outbox_bytes);
}

static void add (struct wsm_survey *to, const struct wsm_manager *m) {
  const struct wsm_message_queue *q = wsm_delivery_messages(m);
  to->states[m->state]++;
  wsm_counters_add(&to->counters, &m->counters);
  to->buffered += wsm_session_pending(&m->session);
  to->unread += wsm_manager_unread(m);
  to->outbox += m->outbox.count;
  to->unacknowledged += q ? q->count : 0;
  to->full += is_full(m);
  to->paused += m->paused;
}

bool wsm_survey_sum (struct wsm_loop *loop, enum wsm_role role,
                     struct wsm_survey *to) {
  const struct wsm_shared *shared = wsm_shared_of(loop);
  struct wsm_handle *h;
  if (!shared) return false;
  memset(to, 0, sizeof *to);
  to->totals = shared->totals[role];
  to->counters = to->totals.ended;
  for (h = wsm_loop_handles(loop); h; h = h->next) {
    struct wsm_link *l = wsm_link_of(h);
    const struct wsm_manager *m = l ? wsm_link_manager(l) : NULL;
    if (m && m->role == role) add(to, m);
  }
  return true;
}

/* --- an order --- */

static double key_of (struct wsm_link *l, enum wsm_survey_key key) {
  const struct wsm_manager *m = wsm_link_manager(l);
  switch (key) {
    case WSM_BY_AGE:
      return m->state == WSM_STATE_OPEN ? -(double)m->opened_ms : -HUGE_VAL;
    case WSM_BY_BUFFERED:
      return (double)wsm_manager_buffered(m);
    case WSM_BY_UNREAD:
      return (double)wsm_manager_unread(m);
    case WSM_BY_MESSAGES_IN:
      return (double)m->counters.messages_in;
    case WSM_BY_MESSAGES_OUT:
      return (double)m->counters.messages_out;
    case WSM_BY_BYTES_IN:
      return (double)m->counters.bytes_in;
    case WSM_BY_BYTES_OUT:
      return (double)m->counters.bytes_out;
    default:
      return (double)m->latency_ms;
  }
}

static bool is_among (const struct wsm_survey_query *query, int64_t id) {
  size_t from = 0, to = query->only_count;
  while (from < to) {
    const size_t middle = from + (to - from) / 2;
    if (query->only[middle] < id) from = middle + 1;
    else to = middle;
  }
  return from < query->only_count && query->only[from] == id;
}

static bool is_wanted (struct wsm_link *l,
                       const struct wsm_survey_query *query) {
  const struct wsm_manager *m = wsm_link_manager(l);
  if (m->role != query->role || m->leaving || m->state == WSM_STATE_CLOSED)
    return false;
  if (m->role == WSM_SERVER && m->counters.epoch == 0) return false;
  return !query->only || is_among(query, wsm_link_id(l));
}

static size_t count_links (struct wsm_loop *loop) {
  const struct wsm_handle *h;
  size_t n = 0;
  for (h = wsm_loop_handles(loop); h; h = h->next) n++;
  return n;
}

static int compare (const struct wsm_ranked *a, const struct wsm_ranked *b) {
  if (a->key != b->key) return a->key < b->key ? -1 : 1;
  return a->id < b->id ? -1 : a->id > b->id;
}

static int rising (const void *a, const void *b) {
  return compare(a, b);
}

static int falling (const void *a, const void *b) {
  return compare(b, a);
}

struct wsm_ranked *wsm_survey_rank (struct wsm_loop *loop,
                                    const struct wsm_survey_query *query,
                                    size_t *count) {
  struct wsm_ranked *all =
    wsm_alloc((count_links(loop) + 1) * sizeof(struct wsm_ranked));
  struct wsm_handle *h;
  size_t n = 0;
  if (!all) return NULL;
  for (h = wsm_loop_handles(loop); h; h = h->next) {
    struct wsm_link *l = wsm_link_of(h);
    if (!l || !is_wanted(l, query)) continue;
    all[n].key = key_of(l, query->key);
    all[n++].id = wsm_link_id(l);
  }
  qsort(all, n, sizeof *all, query->ascending ? rising : falling);
  *count = n;
  return all;
}
