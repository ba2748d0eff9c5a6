#include "link/migrate.h"

#include "link/driver.h"
#include "manager/migration.h"
#include "base/hidden.h"

struct wsm_link *wsm_link_twin (struct wsm_link *l,
                                const struct wsm_policy *policy,
                                const char *proxy, struct wsm_error *e) {
  const struct wsm_link_setup setup = { policy, l->tls };
  struct wsm_link *twin = wsm_link_new(l->handle.loop, &setup, e);
  if (!twin) return NULL;
  wsm_link_proxy(twin, proxy, l->proxy_tls);
  if (wsm_migration_prepare(&twin->manager, &l->manager, wsm_driver_now(l)))
    return twin;
  wsm_link_free(twin);
  wsm_error_set(e, WSM_FULL, "no memory for the rate of attempts");
  return NULL;
}

bool wsm_link_migrate (struct wsm_link *l, struct wsm_link *before) {
  const int64_t id = l->handle.id;
  wsm_transfer_refill_keys(&l->transfer);
  if (!wsm_migration_begin(&l->manager, &before->manager, wsm_driver_now(l)))
    return false;
  l->handle.id = before->handle.id;
  before->handle.id = id;
  wsm_driver_part(l);
  wsm_driver_part(before);
  l->before = before;
  before->successor = l;
  wsm_link_update(l);
  return true;
}

void wsm_link_forward (struct wsm_link *l) {
  wsm_driver_forward(l);
  wsm_link_update(l);
}

size_t wsm_link_end_migration (struct wsm_link *l, struct wsm_link *before) {
  size_t lost;
  wsm_transfer_refill_keys(&l->transfer);
  wsm_driver_part(l);
  wsm_migration_finish(&l->manager, &before->manager, &lost, wsm_driver_now(l));
  wsm_link_update(l);
  return lost;
}
