#include "manager/policy.h"

#include <string.h>
#include "base/memory.h"
#include "base/hidden.h"

static const struct wsm_policy defaults = {
  .limits = { .message = 16u << 20, .frame = UINT64_MAX, .fragments = 131072 },
  .stream_limits = { UINT64_MAX, UINT64_MAX, UINT32_MAX },
  .header_bytes = 16u << 10,
  .body_bytes = 1u << 20,
  .heartbeat = { .interval_ms = 30000, .timeout_ms = 100000 },
  .reconnect = true,
  .delay_ms = 2000,
  .max_delay_ms = 60000,
  .pause_ms = 3000,
  .stable_ms = 5000,
  .factor = 2,
  .jitter = 1,
  .budget = WSM_UNBOUNDED,
  .ask_ms = 30000,
  .open_ms = 10000,
  .login_ms = 10000,
  .close_ms = 5000,
  .outbox_messages = 1024,
  .outbox_bytes = 1u << 20,
  .unacknowledged_messages = 1024,
  .unacknowledged_bytes = 1u << 20,
  .dedupe_ids = 4096,
  .send_bytes = UINT64_MAX,
  .inbox_bytes = 4u << 20,
  .output_bytes = 1u << 20,
  .compression = { .level = 6,
                   .window = 15,
                   .peer_window = 15,
                   .takeover = true,
                   .peer_takeover = true,
                   .threshold = 1024 }
};

void wsm_policy_defaults (struct wsm_policy *p) {
  *p = defaults;
}

static double to_s (uint32_t ms) {
  return ms / 1000.0;
}

/* A peer that nobody asked for so long would be dead. */
bool wsm_heartbeat_rules_check (const struct wsm_heartbeat_rules *r,
                                struct wsm_error *e) {
  const uint32_t interval = r->interval_ms, timeout = r->timeout_ms;
  if (!interval || !timeout || interval < timeout) return true;
  wsm_error_set(e, WSM_NONE,
                "bad option 'heartbeat.timeout' (%g s, with "
                "'heartbeat.interval' %g s: the timeout must be longer than "
                "the interval)",
                to_s(timeout), to_s(interval));
  return false;
}

static bool check_delay (const struct wsm_policy *p, struct wsm_error *e) {
  if (!p->max_delay_ms || p->delay_ms <= p->max_delay_ms) return true;
  wsm_error_set(e, WSM_NONE,
                "bad option 'reconnect.max_delay' (%g s, with "
                "'reconnect.delay' %g s: the maximum must not be shorter)",
                to_s(p->max_delay_ms), to_s(p->delay_ms));
  return false;
}

static bool check_limits (const struct wsm_policy *p, struct wsm_error *e) {
  const struct wsm_limits *l = &p->limits;
  if (l->frame == UINT64_MAX || l->frame <= l->message) return true;
  wsm_error_set(e, WSM_NONE,
                "bad option 'limits.frame' (%llu, with 'limits.message' %llu: "
                "a frame is never longer than its message)",
                (unsigned long long)l->frame, (unsigned long long)l->message);
  return false;
}

/* What the service would close for is no heartbeat. */
static bool check_send (const struct wsm_policy *p, struct wsm_error *e) {
  if (!p->heartbeat.message || p->heartbeat.length <= p->send_bytes)
    return true;
  wsm_error_set(e, WSM_NONE,
                "bad option 'limits.send' (%llu, with 'heartbeat.message' of "
                "%zu bytes: it could not be sent)",
                (unsigned long long)p->send_bytes, p->heartbeat.length);
  return false;
}

static bool check_rate (const struct wsm_policy *p, struct wsm_error *e) {
  if (!p->rate_limit || p->rate_reserve < p->rate_limit) return true;
  wsm_error_set(e, WSM_NONE,
                "bad option 'rate.reserve' (%lu, with a rate of %lu: it must "
                "leave some for others)",
                (unsigned long)p->rate_reserve, (unsigned long)p->rate_limit);
  return false;
}

bool wsm_policy_check (const struct wsm_policy *p, struct wsm_error *e) {
  return wsm_heartbeat_rules_check(&p->heartbeat, e) && check_delay(p, e) &&
         check_limits(p, e) && check_send(p, e) && check_rate(p, e);
}

bool wsm_heartbeat_rules_copy (struct wsm_heartbeat_rules *to,
                               const struct wsm_heartbeat_rules *from) {
  *to = *from;
  to->copy = NULL;
  if (!from->message) return true;
  to->copy = wsm_alloc(from->length + 1);
  if (!to->copy) return false;
  memcpy(to->copy, from->message, from->length);
  to->message = to->copy;
  return true;
}

void wsm_heartbeat_rules_free (struct wsm_heartbeat_rules *r) {
  wsm_free(r->copy);
  r->message = r->copy = NULL;
}

static bool copy_lists (struct wsm_policy *to, const struct wsm_policy *from) {
  struct wsm_retry_lists *lists;
  if (!from->lists) return true;
  lists = wsm_alloc(sizeof *lists);
  if (!lists) return false;
  *lists = *from->lists;
  to->lists = to->lists_copy = lists;
  return true;
}

bool wsm_policy_copy (struct wsm_policy *to, const struct wsm_policy *from) {
  *to = *from;
  to->lists_copy = NULL;
  if (wsm_heartbeat_rules_copy(&to->heartbeat, &from->heartbeat) &&
      copy_lists(to, from))
    return true;
  wsm_policy_free(to);
  return false;
}

void wsm_policy_free (struct wsm_policy *p) {
  wsm_heartbeat_rules_free(&p->heartbeat);
  wsm_free(p->lists_copy);
  p->lists = p->lists_copy = NULL;
}
