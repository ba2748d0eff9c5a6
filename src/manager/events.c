#include "manager/events.h"

#include <string.h>
#include "base/hidden.h"

void wsm_events_push (struct wsm_events *q, enum wsm_event event) {
  wsm_events_remove(q, event);
  q->kinds[q->count++] = (uint8_t)event;
}

void wsm_events_push_first (struct wsm_events *q, enum wsm_event event) {
  wsm_events_remove(q, event);
  memmove(q->kinds + 1, q->kinds, q->count++);
  q->kinds[0] = (uint8_t)event;
}

bool wsm_events_has (const struct wsm_events *q, enum wsm_event event) {
  unsigned i;
  for (i = 0; i < q->count; i++)
    if (q->kinds[i] == event) return true;
  return false;
}

void wsm_events_remove (struct wsm_events *q, enum wsm_event event) {
  unsigned i;
  uint8_t kept = 0;
  q->changes++;
  for (i = 0; i < q->count; i++)
    if (q->kinds[i] != event) q->kinds[kept++] = q->kinds[i];
  q->count = kept;
}

enum wsm_event wsm_events_first (const struct wsm_events *q) {
  return q->count ? (enum wsm_event)q->kinds[0] : WSM_EVENT_NONE;
}

void wsm_events_pop (struct wsm_events *q) {
  wsm_events_remove(q, wsm_events_first(q));
}
