#include "manager/migration.h"

#include <string.h>
#include "base/memory.h"
#include "manager/delivery.h"
#include "manager/heartbeat.h"
#include "manager/inbox.h"
#include "manager/manager.h"
#include "manager/outbox.h"
#include "base/hidden.h"

/* --- taking over --- */

/* Of the old one: its output's terms, and the rate that its output counts for, stay
** with it. */
static void exchange_sending (struct wsm_manager *m,
                              struct wsm_manager *before) {
  struct wsm_sending *own = m->sending, *taken = before->sending;
  m->sending = taken;
  before->sending = own;
  if (taken) taken->unwritten = 0;
  if (own && taken) {
    const struct wsm_message_queue output = own->output;
    own->output = taken->output;
    taken->output = output;
  } else if (taken) {
    wsm_message_queue_clear(&taken->output);
  }
}

static void exchange_queues (struct wsm_manager *m,
                             struct wsm_manager *before) {
  const struct wsm_message_queue empty = m->outbox;
  struct wsm_rate *attempts = m->attempts;
  m->outbox = before->outbox;
  before->outbox = empty;
  m->attempts = before->attempts;
  before->attempts = attempts;
}

static void move_counters (struct wsm_counters *to, struct wsm_counters *from) {
  wsm_counters_add(to, from);
  if (to->epoch <= from->epoch) to->epoch = from->epoch + 1;
  memset(from, 0, sizeof *from);
}

/* Its own messages wait, those that its login left too. */
static bool hold (struct wsm_manager *m, struct wsm_manager *before) {
  m->held = wsm_zalloc(sizeof *m->held);
  if (!m->held) return false;
  *m->held = m->undelivered;
  m->undelivered = before->undelivered;
  memset(&before->undelivered, 0, sizeof before->undelivered);
  before->undelivered.bytes.pool = before->pool;
  return true;
}

bool wsm_migration_begin (struct wsm_manager *m, struct wsm_manager *before,
                          uint64_t now_ms) {
  const struct wsm_heartbeat_rules *rules = before->heartbeat.own;
  if (rules && !wsm_heartbeat_set(m, rules, now_ms)) return false;
  if (!hold(m, before)) return false;
  wsm_delivery_lost(before, UINT64_MAX);
  exchange_sending(m, before);
  exchange_queues(m, before);
  move_counters(&m->counters, &before->counters);
  before->leaving = wsm_state_is_live(before);
  before->kernel_unread = 0;
  m->kept = before->kept;
  before->kept = 0;
  m->drain_due = before->drain_due;
  m->flush_due = before->flush_due;
  before->drain_due = before->flush_due = false;
  wsm_outbox_flush(m, m->policy->output_bytes, now_ms);
  wsm_outbox_refill(m, now_ms);
  return true;
}

/* --- what it still receives --- */

static bool has_room (const struct wsm_manager *m) {
  const size_t limit = m->policy->inbox_bytes;
  return limit == 0 || m->kept + m->undelivered.payload < limit;
}

void wsm_migration_forward (struct wsm_manager *m, struct wsm_manager *before,
                            uint64_t now_ms) {
  struct wsm_message message;
  while (has_room(m) &&
         wsm_manager_next(before, &message, now_ms) == WSM_MESSAGE &&
         wsm_message_queue_push(&m->undelivered, &message, NULL))
    wsm_manager_pop(before);
}

/* --- its end --- */

static void take_all (struct wsm_manager *m, struct wsm_manager *before,
                      size_t *lost, uint64_t now_ms) {
  struct wsm_message message;
  while (wsm_manager_next(before, &message, now_ms) == WSM_MESSAGE) {
    if (!wsm_message_queue_push(&m->undelivered, &message, NULL)) ++*lost;
    wsm_manager_pop(before);
  }
}

static void release (struct wsm_manager *m, size_t *lost) {
  struct wsm_message_queue *held = m->held;
  if (!held) return;
  m->held = NULL;
  if (wsm_message_queue_prepend(held, &m->undelivered)) m->undelivered = *held;
  else *lost += held->count, wsm_message_queue_clear(held);
  wsm_free(held);
}

static void send_rest (struct wsm_manager *m, struct wsm_manager *before,
                       size_t *lost, uint64_t now_ms) {
  struct wsm_message message;
  struct wsm_terms terms;
  while (wsm_message_queue_first(&before->outbox, &message)) {
    wsm_message_queue_terms(&before->outbox, 0, &terms);
    if (wsm_manager_send(m, &message, &terms, now_ms) > WSM_SENT_LATER) ++*lost;
    wsm_message_queue_pop(&before->outbox);
  }
}

void wsm_migration_finish (struct wsm_manager *m, struct wsm_manager *before,
                           size_t *lost, uint64_t now_ms) {
  *lost = 0;
  take_all(m, before, lost, now_ms);
  m->counters.bytes_in += before->counters.bytes_in;
  m->counters.bytes_out += before->counters.bytes_out;
  m->counters.unread += before->counters.unread;
  before->counters.bytes_in = before->counters.bytes_out = 0;
  before->counters.unread = 0;
  release(m, lost);
  send_rest(m, before, lost, now_ms);
}
