#include "fates.h"

#include <stdlib.h>

#include "invariants.h"
#include "messages.h"
#include "model_server.h"

enum { MAY_DROP = 1, READ = 2, SKIPPED = 4 };

#define EXPIRES_LATE_MS 1200 /* the outbox is looked through now and then */

static uint64_t now_of (const struct client *c) {
  return c->world->schedule.now_ms;
}

static unsigned long long number_of (uint64_t n) {
  return (unsigned long long)n;
}

struct wsm_terms fates_terms (struct client *c) {
  struct wsm_terms terms = WSM_NO_TERMS;
  const uint64_t most = random_percent(&c->random, 30) ? 5000 : 300000;
  if (c->expires && random_percent(&c->random, 40))
    terms.expires_ms = now_of(c) + random_between(&c->random, 200, most);
  terms.is_volatile = c->is_volatile && random_percent(&c->random, 30);
  return terms;
}

static bool may_drop (const struct client *c, const struct wsm_terms *terms) {
  const struct wsm_policy *p = &c->policy;
  return terms->is_volatile || terms->expires_ms != WSM_NEVER ||
         p->outbox_drops_oldest || p->outbox_age_ms || !p->outbox_messages;
}

/* It is sent on this connection, or on none. */
static bool is_bound (const struct client *c, const struct wsm_terms *terms) {
  return c->policy.outbox_messages == 0 ||
         (terms->is_volatile && !c->account.confirms);
}

static uint64_t connection_of (const struct client *c) {
  const struct peer *p = c->tcp ? tcp_owner(c->tcp, SERVER) : NULL;
  return p ? p->number : 0;
}

void fates_sent (struct client *c, const struct wsm_terms *terms) {
  struct fates *f = &c->fates;
  struct fate *fate;
  if (f->count == f->room) {
    f->room = f->room * 2 + 1024;
    f->list = realloc(f->list, f->room * sizeof *f->list);
    if (!f->list) exit(2);
  }
  fate = &f->list[f->count++];
  fate->sent_ms = now_of(c);
  fate->expires_ms = terms->expires_ms;
  fate->connection = is_bound(c, terms) ? connection_of(c) : 0;
  fate->passed = 0;
  fate->flags = may_drop(c, terms) ? MAY_DROP : 0;
}

void fates_skip (struct client *c, uint64_t first, uint64_t end) {
  struct fates *f = &c->fates;
  uint64_t i;
  for (i = first; i < end; i++) {
    uint8_t *flags = &f->list[i].flags;
    if (!(*flags & MAY_DROP)) invariant_order(c, "the application's", i, end);
    if (!(*flags & (SKIPPED | READ))) f->skipped++;
    *flags |= SKIPPED;
  }
  if (f->skipped > c->manager->counters.dropped)
    invariant_broken(c->world, BROKEN_LOST,
                     "client %u: %llu messages were given up, and %llu counted",
                     c->number, number_of(f->skipped),
                     number_of(c->manager->counters.dropped));
}

/* Those without ids that were for another connection alone. */
static void check_connection (struct client *c, const struct fate *fate,
                              uint64_t connection) {
  if (!fate->connection || fate->connection == connection) return;
  invariant_broken(
    c->world, BROKEN_OTHER,
    "client %u: a message for connection %llu alone came on %llu", c->number,
    number_of(fate->connection), number_of(connection));
}

/* Where connections take each other's place, what the one before had not written comes
** behind what was sent since: in order it is on each alone. */
static void pass_anywhere (struct client *c, struct passing *p,
                           uint64_t number) {
  struct fate *fate = &c->fates.list[number];
  if (number < p->next && number >= c->resent_below)
    invariant_order(c, "the application's", p->next, number);
  if ((fate->flags & READ) || (fate->passed && fate->passed != p->connection))
    invariant_broken(c->world, BROKEN_DOUBLED,
                     "client %u: message %llu came twice, on connections %llu "
                     "and %llu",
                     c->number, number_of(number), number_of(fate->passed),
                     number_of(p->connection));
  check_connection(c, fate, p->connection);
  fate->passed = p->connection;
  if (!p->by_kernel) fate->flags |= READ;
  if (number >= p->next) p->next = number + 1;
}

void fates_pass (struct client *c, struct passing *p, uint64_t number) {
  uint64_t *next = &p->next;
  if (c->migrates) {
    pass_anywhere(c, p, number);
    return;
  }
  if (number < *next) invariant_order(c, "the application's", *next, number);
  else if (number > *next) fates_skip(c, *next, number);
  check_connection(c, &c->fates.list[number], p->connection);
  *next = number + 1;
}

void fates_read (struct client *c, uint64_t number, bool late) {
  uint8_t *flags = &c->fates.list[number].flags;
  if ((*flags & SKIPPED) && !late)
    invariant_broken(c->world, BROKEN_ORDER,
                     "client %u: message %llu came behind later ones",
                     c->number, number_of(number));
  *flags |= READ;
}

/* --- what the manager tells --- */

static bool may_tell (const struct client *c, enum wsm_token token) {
  const struct wsm_policy *p = &c->policy;
  if (token == WSM_TIMEOUT) return c->expires || p->outbox_age_ms;
  if (token == WSM_FULL) return p->outbox_drops_oldest;
  return token == WSM_CLOSED && (c->is_volatile || !p->outbox_messages);
}

void fates_told (struct client *c) {
  struct wsm_dropped dropped;
  const enum wsm_token token = wsm_sending_untold(c->manager, &dropped);
  c->fates.told += dropped.count;
  c->world->tally.dropped[token] += dropped.count;
  if (!may_tell(c, token) || dropped.count == 0)
    invariant_broken(c->world, BROKEN_OTHER,
                     "client %u: %llu messages were given up: %s", c->number,
                     number_of(dropped.count), wsm_token_name(token));
}

void fates_check_told (struct client *c) {
  struct wsm_dropped dropped;
  if (wsm_sending_untold(c->manager, &dropped) == WSM_NONE) return;
  invariant_broken(c->world, BROKEN_OTHER,
                   "client %u: %llu messages were given up, and there is no "
                   "event",
                   c->number, number_of(dropped.count));
}

void fates_check_expired (struct client *c, uint64_t number,
                          uint64_t accepted_ms) {
  if (accepted_ms < c->fates.list[number].expires_ms) return;
  invariant_broken(
    c->world, BROKEN_OTHER,
    "client %u: message %llu expired before the connection began "
    "that it came on",
    c->number, number_of(number));
}

/* The time of what comes back from a lost connection begins anew. */
static uint64_t gone_by (const struct client *c, const struct fate *fate) {
  const uint64_t back_ms = fate->sent_ms > c->back_ms ? fate->sent_ms
                                                      : c->back_ms;
  const uint64_t aged_ms = back_ms + c->policy.outbox_age_ms;
  if (!c->policy.outbox_age_ms || fate->expires_ms != WSM_NEVER)
    return fate->expires_ms;
  return aged_ms;
}

static void check_waiting (struct client *c, const struct wsm_message *m) {
  struct name name;
  uint64_t gone_ms;
  if (!message_read(m->data, m->length, &name)) return;
  gone_ms = gone_by(c, &c->fates.list[name.number]);
  if (gone_ms == WSM_NEVER || now_of(c) < gone_ms + EXPIRES_LATE_MS ||
      now_of(c) < c->free_ms + EXPIRES_LATE_MS ||
      now_of(c) < c->begun_ms + EXPIRES_LATE_MS)
    return;
  invariant_broken(c->world, BROKEN_OTHER,
                   "client %u: a message that expired %.1f s ago waits",
                   c->number, (double)(now_of(c) - gone_ms) / 1000);
}

void fates_check_outbox (struct client *c) {
  struct wsm_message message;
  size_t at = 0;
  if (!c->expires && !c->policy.outbox_age_ms) return;
  if (c->manager->state == WSM_STATE_CLOSED || now_of(c) < c->program_until_ms)
    return;
  while (wsm_message_queue_next(&c->manager->outbox, &at, &message))
    check_waiting(c, &message);
}

/* How many neither came nor went to a kernel. */
static uint64_t count_missing (struct client *c) {
  const struct fates *f = &c->fates;
  uint64_t missing = 0, firm = 0, i;
  for (i = 0; i < f->count; i++) {
    if ((f->list[i].flags & READ) || f->list[i].passed) continue;
    missing++;
    firm += !(f->list[i].flags & MAY_DROP);
  }
  if (firm > f->unplaced)
    invariant_broken(c->world, BROKEN_LOST,
                     "client %u: %llu messages never came, that may not be "
                     "given up",
                     c->number, number_of(firm));
  return missing;
}

void fates_check_end (struct client *c, uint64_t next) {
  const struct fates *f = &c->fates;
  const uint64_t counted = c->manager->counters.dropped;
  const bool loose = c->account.confirms || c->migrates;
  uint64_t missing;
  if (c->account.confirms || !c->migrates) fates_skip(c, next, f->count);
  missing = loose ? count_missing(c) : f->skipped;
  if (f->told != counted)
    invariant_broken(c->world, BROKEN_OTHER,
                     "client %u: %llu messages were given up, and %llu told",
                     c->number, number_of(counted), number_of(f->told));
  /* what was read may have expired before it was confirmed; confirmations that
     were given up count, too */
  if (c->account.confirms ? missing > counted + f->unplaced
                          : missing != counted + f->unplaced)
    invariant_broken(c->world, BROKEN_LOST,
                     "client %u: of %llu messages %llu are missing, and %llu "
                     "were given up",
                     c->number, number_of(f->count), number_of(missing),
                     number_of(counted));
}
