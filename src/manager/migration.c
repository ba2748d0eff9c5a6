#include "manager/migration.h"

#include <string.h>
#include "base/memory.h"
#include "manager/attempts.h"
#include "manager/delivery.h"
#include "manager/heartbeat.h"
#include "manager/inbox.h"
#include "manager/manager.h"
#include "manager/outbox.h"
#include "base/hidden.h"

/* --- before it is started --- */

bool wsm_migration_prepare (struct wsm_manager *m, struct wsm_manager *before,
                            uint64_t now_ms) {
  m->counters.epoch = before->counters.epoch;
  if (before->attempts && !wsm_attempts_copy(m, before)) return false;
  return wsm_attempts_next(before, now_ms) > now_ms ||
         wsm_attempts_note(before, now_ms);
}

/* --- taking over --- */

/* Its attempt, and what it sent so far, count for the rates that it takes over, at the
** latest from now. */
static void add_rates (struct wsm_manager *m, struct wsm_manager *before,
                       uint64_t now_ms) {
  uint32_t i;
  if (before->attempts) wsm_rate_move(before->attempts, 1, now_ms);
  for (i = 0; m->sending && before->sending && i < m->sending->rate.used; i++)
    wsm_rate_note(&before->sending->rate, now_ms);
}

/* What is not acknowledged is sent again by the new one alone. */
static void mark_resent (struct wsm_message_queue *output) {
  struct wsm_message nothing;
  struct wsm_terms terms;
  size_t at = 0, next = 0;
  while (wsm_message_queue_next(output, &next, &nothing)) {
    wsm_message_queue_terms(output, at, &terms);
    terms.is_resent = terms.id_length > 0;
    wsm_message_queue_mark(output, at, &terms);
    at = next;
  }
}

/* Of the old one: its output's terms, and the rate that its output counts for, stay
** with it. */
static void exchange_sending (struct wsm_manager *m,
                              struct wsm_manager *before) {
  struct wsm_sending *own = m->sending, *taken = before->sending;
  struct wsm_message_queue output;
  m->sending = taken;
  before->sending = own;
  if (!taken) return;
  taken->unwritten = 0;
  mark_resent(&taken->output);
  output = own->output;
  own->output = taken->output;
  taken->output = output;
}

/* What the one before gave up, and did not tell its owner. */
static void tell_dropped (struct wsm_manager *m, struct wsm_manager *before) {
  struct wsm_dropped dropped;
  enum wsm_token token;
  while ((token = wsm_sending_untold(before, &dropped)) != WSM_NONE) {
    wsm_sending_drop(m, token, &dropped);
    wsm_sending_told(before);
  }
  wsm_events_remove(&before->events, WSM_EVENT_DROPPED);
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
  struct wsm_dropped untold;
  if (rules && !wsm_heartbeat_set(m, rules, now_ms)) return false;
  if (m->policy->rate_limit && !wsm_sending_get(before)) return false;
  if (before->sending && !wsm_sending_get(m)) return false;
  if (!hold(m, before)) return false;
  add_rates(m, before, now_ms);
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
  if (wsm_sending_untold(m, &untold) != WSM_NONE) {
    wsm_events_push(&m->events, WSM_EVENT_DROPPED);
    wsm_events_remove(&before->events, WSM_EVENT_DROPPED);
  }
  wsm_outbox_flush(m, m->policy->output_bytes, now_ms);
  wsm_outbox_refill(m, now_ms);
  return true;
}

/* --- what it still receives --- */

static bool has_room (const struct wsm_manager *m) {
  const size_t limit = m->policy->inbox_bytes;
  return limit == 0 || m->kept + m->undelivered.payload < limit;
}

/* The next message, or part of one. */
static bool next (struct wsm_manager *before, struct wsm_part *part,
                  uint64_t now_ms) {
  if (wsm_manager_next(before, &part->message, now_ms) != WSM_MESSAGE)
    return false;
  wsm_inbox_part(before, part);
  return true;
}

void wsm_migration_forward (struct wsm_manager *m, struct wsm_manager *before,
                            uint64_t now_ms) {
  struct wsm_part part;
  tell_dropped(m, before);
  while (has_room(m) && next(before, &part, now_ms) &&
         wsm_inbox_push_part(&m->undelivered, &part))
    wsm_inbox_pop_part(before, &part);
}

/* --- its end --- */

static void take_all (struct wsm_manager *m, struct wsm_manager *before,
                      size_t *lost, uint64_t now_ms) {
  struct wsm_part part;
  while (next(before, &part, now_ms)) {
    if (!wsm_inbox_push_part(&m->undelivered, &part)) ++*lost;
    wsm_inbox_pop_part(before, &part);
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
  tell_dropped(m, before);
  take_all(m, before, lost, now_ms);
  m->counters.bytes_in += before->counters.bytes_in;
  m->counters.bytes_out += before->counters.bytes_out;
  m->counters.unread += before->counters.unread;
  before->counters.bytes_in = before->counters.bytes_out = 0;
  before->counters.unread = 0;
  /* what it received counts when it is taken from m */
  before->counters.messages_in = before->counters.binary_in = 0;
  before->counters.payload_in = 0;
  release(m, lost);
  send_rest(m, before, lost, now_ms);
}
