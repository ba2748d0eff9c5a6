#include "io/demoted.h"

#include <string.h>
#include "base/memory.h"
#include "base/hidden.h"

struct wsm_demoted {
  size_t count;
  struct wsm_place places[]; /* the one that failed last at the end */
};

/* --- places --- */

static void set_place (struct wsm_place *place, const struct wsm_address *a) {
  memset(place, 0, sizeof *place);
  switch (a->as.any.sa_family) {
    case AF_INET:
      memcpy(place->bytes, &a->as.v4.sin_addr, sizeof a->as.v4.sin_addr);
      break;
    case AF_INET6:
      memcpy(place->bytes, &a->as.v6.sin6_addr, sizeof a->as.v6.sin6_addr);
      place->scope = a->as.v6.sin6_scope_id;
      break;
    default:
      return;
  }
  place->family = (uint16_t)a->as.any.sa_family;
  place->port = (uint16_t)wsm_address_port(a);
}

void wsm_place_of_peer (struct wsm_place *place, int fd) {
  struct wsm_address a;
  memset(&a, 0, sizeof a);
  a.n = sizeof a.as;
  if (getpeername(fd, &a.as.any, &a.n) != 0) memset(&a, 0, sizeof a);
  set_place(place, &a);
}

static bool is_same (const struct wsm_place *a, const struct wsm_place *b) {
  return memcmp(a, b, sizeof *a) == 0;
}

/* --- the list --- */

/* From 1 on; 0: it is not there. */
static size_t find (const struct wsm_demoted *list,
                    const struct wsm_place *place) {
  size_t i;
  for (i = 0; list && i < list->count; i++)
    if (is_same(&list->places[i], place)) return i + 1;
  return 0;
}

static void take_out (struct wsm_demoted *list, size_t i) {
  list->count--;
  memmove(&list->places[i], &list->places[i + 1],
          (list->count - i) * sizeof list->places[0]);
}

void wsm_demoted_remove (struct wsm_demoted **list,
                         const struct wsm_place *place) {
  const size_t i = find(*list, place);
  if (i == 0) return;
  take_out(*list, i - 1);
  if ((*list)->count == 0) wsm_demoted_free(list);
}

/* Room for one more. false without memory. */
static bool grow (struct wsm_demoted **list) {
  const size_t n = *list ? (*list)->count : 0;
  struct wsm_demoted *more;
  if (n == WSM_DEMOTED_LIMIT) {
    take_out(*list, 0);
    return true;
  }
  more = wsm_alloc(sizeof *more + (n + 1) * sizeof more->places[0]);
  if (!more) return false;
  more->count = n;
  if (n) memcpy(more->places, (*list)->places, n * sizeof more->places[0]);
  wsm_free(*list);
  *list = more;
  return true;
}

void wsm_demoted_add (struct wsm_demoted **list,
                      const struct wsm_place *place) {
  const size_t i = find(*list, place);
  if (i > 0) take_out(*list, i - 1);
  else if (!grow(list)) return;
  (*list)->places[(*list)->count++] = *place;
}

void wsm_demoted_order (const struct wsm_demoted *list, struct wsm_address *to,
                        size_t n) {
  size_t i, j;
  for (i = 0; list && i < list->count; i++)
    for (j = 0; j < n; j++) {
      const struct wsm_address a = to[j];
      struct wsm_place place;
      set_place(&place, &a);
      if (!is_same(&place, &list->places[i])) continue;
      memmove(&to[j], &to[j + 1], (n - 1 - j) * sizeof to[0]);
      to[n - 1] = a;
      break;
    }
}

void wsm_demoted_free (struct wsm_demoted **list) {
  wsm_free(*list);
  *list = NULL;
}
