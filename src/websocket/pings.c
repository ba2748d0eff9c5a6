#include "websocket/pings.h"

#include <string.h>
#include "base/memory.h"
#include "base/hidden.h"

#define FIRST_SIZE 4

static void remove_at (struct wsm_pings *p, unsigned i) {
  if (i < p->answered) p->answered--;
  if (i < p->noted) p->noted--;
  p->count--;
  memmove(&p->list[i], &p->list[i + 1], (p->count - i) * sizeof *p->list);
  if (p->count == 0) wsm_pings_free(p);
}

static bool make_room (struct wsm_pings *p) {
  const unsigned size = p->size ? 2u * p->size : FIRST_SIZE;
  struct wsm_ping *list;
  if (p->count < p->size) return true;
  if (size > WSM_PINGS_AWAITED) {
    /* one whose pong came, and that nobody has asked for since */
    if (p->answered == 0) return false;
    remove_at(p, 0);
    return true;
  }
  list = wsm_realloc(p->list, size * sizeof *list);
  if (!list) return false;
  p->list = list;
  p->size = (uint8_t)size;
  return true;
}

struct wsm_ping *wsm_pings_add (struct wsm_pings *p, uint64_t number,
                                const void *payload, size_t n) {
  struct wsm_ping *ping;
  if (!make_room(p)) return NULL;
  ping = &p->list[p->count++];
  memset(ping, 0, sizeof *ping);
  ping->number = number;
  ping->numbered = !payload;
  ping->length = (uint8_t)n;
  if (payload && n > 0) memcpy(ping->payload, payload, n);
  return ping;
}

void wsm_pings_answer (struct wsm_pings *p, const void *payload, size_t n) {
  unsigned i;
  for (i = p->answered; i < p->count; i++) {
    const struct wsm_ping *ping = &p->list[i];
    if (ping->numbered || ping->length != n) continue;
    if (n > 0 && memcmp(ping->payload, payload, n) != 0) continue;
    p->list[i].exact = true;
    p->answered = (uint8_t)(i + 1);
    return;
  }
}

void wsm_pings_answer_number (struct wsm_pings *p, uint64_t number) {
  while (p->answered < p->count && p->list[p->answered].number <= number) {
    struct wsm_ping *ping = &p->list[p->answered++];
    ping->exact = ping->numbered && ping->number == number;
  }
}

/* Its index; p->count: it is not there. */
static unsigned find (const struct wsm_pings *p, uint64_t number) {
  unsigned i = 0;
  while (i < p->count && p->list[i].number != number) i++;
  return i;
}

enum wsm_pong wsm_pings_take (struct wsm_pings *p, uint64_t number,
                              uint64_t *latency_ms) {
  const unsigned i = find(p, number);
  if (i == p->count) return WSM_PONG_LOST;
  if (i >= p->answered) return WSM_PONG_AWAITED;
  *latency_ms = p->list[i].latency_ms;
  remove_at(p, i);
  return WSM_PONG_CAME;
}

void wsm_pings_forget (struct wsm_pings *p, uint64_t number) {
  const unsigned i = find(p, number);
  if (i < p->count) remove_at(p, i);
}

void wsm_pings_sweep (struct wsm_pings *p) {
  unsigned i = p->answered;
  while (i-- > 0)
    if (!p->list[i].awaited) remove_at(p, i);
}

void wsm_pings_lose (struct wsm_pings *p) {
  p->count = p->answered;
  if (p->count == 0) wsm_pings_free(p);
}

void wsm_pings_free (struct wsm_pings *p) {
  wsm_free(p->list);
  memset(p, 0, sizeof *p);
}
