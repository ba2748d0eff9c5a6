#include "manager/close_wait.h"

#include "base/hidden.h"

#define REPORTS 4 /* of the driver, within a wait */

void wsm_close_wait_start (struct wsm_manager *m, uint32_t wait_ms,
                           uint64_t now_ms) {
  struct wsm_close_wait *w = &m->close_wait;
  w->wait_ms = wait_ms;
  w->reported_ms = now_ms;
  w->acknowledged = 0;
  w->reported = w->delivered = false;
  m->due_ms = wsm_state_after(now_ms, wait_ms);
}

/* The last byte was acknowledged after the report before this one. */
void wsm_close_wait_delivered (struct wsm_manager *m,
                               const struct wsm_delivery *delivery,
                               uint64_t now_ms) {
  struct wsm_close_wait *w = &m->close_wait;
  if (w->delivered || m->due_ms == WSM_NEVER) return;
  if (delivery->everything) {
    w->delivered = true;
    m->due_ms = w->reported_ms + w->wait_ms;
  } else if (w->reported && delivery->acknowledged > w->acknowledged) {
    m->due_ms = now_ms + w->wait_ms;
  }
  w->reported = true;
  w->acknowledged = delivery->acknowledged;
  w->reported_ms = now_ms;
}

uint64_t wsm_close_wait_deadline (const struct wsm_manager *m) {
  const struct wsm_close_wait *w = &m->close_wait;
  const uint64_t report_ms = w->reported_ms + w->wait_ms / REPORTS;
  if (!w->reported || w->delivered || report_ms > m->due_ms) return m->due_ms;
  return report_ms;
}
