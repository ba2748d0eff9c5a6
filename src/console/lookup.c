#include "console/lookup.h"

#include "base/memory.h"
#include "io/address.h"
#include "io/guest.h"
#include "io/hosts.h"
#include "io/loop.h"
#include "io/resolve.h"
#include "base/hidden.h"

struct wsm_lookup {
  struct wsm_guest *guest;
  struct wsm_resolve *resolve; /* NULL: done */
  struct wsm_address found[WSM_ADDRESS_LIMIT];
  size_t count;
  struct wsm_error error;
};

static void on_socket (void *owner, int fd, int events) {
  (void)owner;
  (void)fd;
  (void)events;
}

static void on_timer (void *owner) {
  (void)owner;
}

static void on_lost (void *owner, bool forked) {
  struct wsm_lookup *l = owner;
  if (l->resolve && !forked) wsm_resolve_cancel(l->resolve);
  l->resolve = NULL;
}

static const struct wsm_guest_calls calls = { on_socket, on_timer, on_lost };

static void on_resolved (void *owner, const struct addrinfo *list,
                         const struct wsm_error *why) {
  struct wsm_lookup *l = owner;
  l->resolve = NULL;
  l->error = *why;
  l->count = list ? wsm_address_sort(l->found, list, 0) : 0;
  if (l->count == 0 && why->token == WSM_NONE)
    wsm_error_set(&l->error, WSM_RESOLVE, "the name has no address");
  wsm_guest_table.notify(l->guest);
}

static bool is_known (struct wsm_lookup *l, const char *host) {
  if (wsm_address_numeric(l->found, host, 0)) l->count = 1;
  else l->count = wsm_hosts_find(l->found, host, 0);
  if (l->count > 0) wsm_guest_table.notify(l->guest);
  return l->count > 0;
}

struct wsm_lookup *wsm_lookup_start (struct wsm_loop *loop, const char *host,
                                     struct wsm_error *e) {
  struct wsm_resolve_request request = { host, on_resolved, NULL };
  struct wsm_lookup *l = wsm_zalloc(sizeof *l);
  if (l) l->guest = wsm_guest_table.enter(loop, &calls, l);
  if (!l || !l->guest) {
    wsm_error_set(e, WSM_FULL, "no memory to look a name up");
    wsm_free(l);
    return NULL;
  }
  if (is_known(l, host)) return l;
  request.owner = l;
  l->resolve = wsm_resolve_start(wsm_loop_uv(loop), &request, e);
  if (l->resolve) return l;
  wsm_lookup_free(l);
  return NULL;
}

void wsm_lookup_free (struct wsm_lookup *l) {
  if (l->resolve) wsm_resolve_cancel(l->resolve);
  wsm_guest_table.leave(l->guest);
  wsm_free(l);
}

int64_t wsm_lookup_id (const struct wsm_lookup *l) {
  return wsm_guest_table.id(l->guest);
}

bool wsm_lookup_is_done (const struct wsm_lookup *l) {
  return !l->resolve;
}

size_t wsm_lookup_count (const struct wsm_lookup *l, struct wsm_error *e) {
  *e = l->error;
  return l->count;
}

void wsm_lookup_text (const struct wsm_lookup *l, size_t i, char *to,
                      size_t n) {
  wsm_address_text(&l->found[i], to, n);
}
