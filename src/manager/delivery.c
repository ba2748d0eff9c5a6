#include "manager/delivery.h"

#include <string.h>
#include "base/memory.h"
#include "base/hidden.h"

static struct wsm_unacknowledged *find (const struct wsm_manager *m) {
  return m->sending ? m->sending->unacknowledged : NULL;
}

static struct wsm_unacknowledged *get (struct wsm_manager *m) {
  struct wsm_sending *s = wsm_sending_get(m);
  if (!s || s->unacknowledged) return s ? s->unacknowledged : NULL;
  s->unacknowledged = wsm_zalloc(sizeof *s->unacknowledged);
  if (s->unacknowledged) s->unacknowledged->messages.bytes.pool = m->pool;
  return s->unacknowledged;
}

/* --- what is sent --- */

bool wsm_delivery_has_room (const struct wsm_manager *m, size_t n) {
  const struct wsm_unacknowledged *u = find(m);
  const struct wsm_policy *p = m->policy;
  if (!u || u->messages.count == 0) return true;
  return u->messages.count < p->unacknowledged_messages &&
         n <= p->unacknowledged_bytes &&
         u->messages.payload <= p->unacknowledged_bytes - n;
}

bool wsm_delivery_reserve (struct wsm_manager *m,
                           const struct wsm_message *message,
                           const struct wsm_terms *terms) {
  struct wsm_unacknowledged *u = get(m);
  return u && wsm_message_queue_reserve(&u->messages, terms, message->length);
}

void wsm_delivery_keep (struct wsm_manager *m,
                        const struct wsm_message *message,
                        const struct wsm_terms *terms) {
  wsm_message_queue_push(&get(m)->messages, message, terms);
}

bool wsm_delivery_next (struct wsm_manager *m, struct wsm_message *message,
                        struct wsm_terms *terms) {
  struct wsm_unacknowledged *u = find(m);
  size_t end = u ? u->next : 0;
  if (!u || u->pending == 0) return false;
  while (wsm_message_queue_next(&u->messages, &end, message)) {
    wsm_message_queue_terms(&u->messages, u->next, terms);
    if (terms->number == 0) return true;
    u->next = end;
  }
  return false;
}

void wsm_delivery_sent (struct wsm_manager *m) {
  struct wsm_unacknowledged *u = find(m);
  struct wsm_message message;
  struct wsm_terms terms;
  if (!wsm_delivery_next(m, &message, &terms)) return;
  terms.number = m->session.queued;
  wsm_message_queue_mark(&u->messages, u->next, &terms);
  wsm_message_queue_next(&u->messages, &u->next, &message);
  u->pending--;
}

static void take_out (struct wsm_unacknowledged *u, size_t at, size_t end) {
  struct wsm_terms terms;
  wsm_message_queue_terms(&u->messages, at, &terms);
  if (terms.number == 0) u->pending--;
  wsm_message_queue_remove(&u->messages, at, end);
  if (at < u->next) u->next -= end - at;
}

void wsm_delivery_drop (struct wsm_manager *m) {
  struct wsm_unacknowledged *u = find(m);
  struct wsm_message message;
  struct wsm_terms terms;
  size_t end;
  if (!wsm_delivery_next(m, &message, &terms)) return;
  end = u->next;
  wsm_message_queue_next(&u->messages, &end, &message);
  take_out(u, u->next, end);
}

bool wsm_delivery_confirm (struct wsm_manager *m, const void *id, size_t n) {
  struct wsm_unacknowledged *u = find(m);
  struct wsm_message message;
  struct wsm_terms terms;
  size_t at = 0, end = 0;
  bool any = false;
  while (u && wsm_message_queue_next(&u->messages, &end, &message)) {
    wsm_message_queue_terms(&u->messages, at, &terms);
    if (terms.id_length == n && memcmp(terms.id, id, n) == 0) {
      take_out(u, at, end);
      any = true;
      end = at;
    }
    at = end;
  }
  return any;
}

void wsm_delivery_lost (struct wsm_manager *m, uint64_t written) {
  struct wsm_unacknowledged *u = find(m);
  struct wsm_message message;
  struct wsm_terms terms;
  size_t at = 0, end = 0;
  while (u && wsm_message_queue_next(&u->messages, &end, &message)) {
    wsm_message_queue_terms(&u->messages, at, &terms);
    if (!terms.is_resent && terms.number > written) {
      take_out(u, at, end);
      end = at;
    } else {
      terms.number = 0;
      terms.is_resent = true;
      wsm_message_queue_mark(&u->messages, at, &terms);
    }
    at = end;
  }
  if (!u) return;
  u->next = 0;
  u->pending = u->messages.count;
}

void wsm_delivery_forget (struct wsm_manager *m) {
  struct wsm_unacknowledged *u = find(m);
  if (u) u->next = u->pending = 0;
}

/* --- what is received --- */

bool wsm_delivery_is_repeated (struct wsm_manager *m, const void *id,
                               size_t n) {
  struct wsm_sending *s = wsm_sending_get(m);
  if (!s) return false;
  if (!s->dedupe) {
    s->dedupe = wsm_zalloc(sizeof *s->dedupe);
    if (!s->dedupe) return false;
    s->dedupe->limit = m->policy->dedupe_ids;
  }
  if (wsm_ids_has(s->dedupe, id, n)) return true;
  wsm_ids_add(s->dedupe, id, n);
  return false;
}

/* --- both --- */

void wsm_delivery_free (struct wsm_manager *m) {
  struct wsm_sending *s = m->sending;
  if (!s) return;
  if (s->unacknowledged) wsm_message_queue_clear(&s->unacknowledged->messages);
  if (s->dedupe) wsm_ids_clear(s->dedupe);
  wsm_free(s->unacknowledged);
  wsm_free(s->dedupe);
  s->unacknowledged = NULL;
  s->dedupe = NULL;
}
