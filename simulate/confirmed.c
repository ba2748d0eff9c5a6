#include "confirmed.h"

#include <stdio.h>

#include "fates.h"
#include "invariants.h"
#include "messages.h"

static struct client *client_of (const struct account *a) {
  return &a->world->clients[a->number];
}

/* On one connection they come in order, from one that may be an earlier one. What is
** skipped was read before: its confirmation, received before the end of an earlier
** connection, may be taken while the others are sent again. */
void confirmed_read (struct peer *p, uint64_t number) {
  struct account *a = p->account;
  struct tally *t = &a->world->tally;
  char text[32];
  if (p->whole > 0 && number <= p->run)
    invariant_order(client_of(a), "the application's", p->run + 1, number);
  else if (number > a->expected) fates_skip(client_of(a), a->expected, number);
  fates_read(client_of(a), number, a->peer != p);
  fates_check_expired(client_of(a), number, p->accepted_ms);
  p->run = number;
  p->whole++;
  if (number < a->expected) {
    t->again++;
  } else {
    a->expected = number + 1;
    t->delivered++;
  }
  snprintf(text, sizeof text, "ok %llu", (unsigned long long)number);
  peer_write(p, text);
}

static void send_one (struct peer *p, uint64_t number) {
  const struct name name = { 's', 0, number };
  size_t n;
  const char *text =
    message_write(&name, p->account->extras[number % UNCONFIRMED], &n);
  peer_write_bytes(p, text, n);
}

void confirmed_push (struct account *a, size_t extra) {
  if (a->pushed - a->got >= UNCONFIRMED) return;
  a->extras[a->pushed % UNCONFIRMED] = (uint32_t)extra;
  a->world->tally.pushed++;
  if (a->peer && a->peer->tcp && a->peer->open && a->peer->logged_in &&
      !a->peer->closing)
    send_one(a->peer, a->pushed);
  a->pushed++;
}

void confirmed_resume (struct peer *p) {
  uint64_t number;
  for (number = p->account->got; number < p->account->pushed; number++) {
    send_one(p, number);
    p->account->world->tally.resent++;
  }
}

void confirmed_got (struct account *a, uint64_t number) {
  if (number >= a->got && number < a->pushed) a->got = number + 1;
}
