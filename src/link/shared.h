/*
** shared.h - what all links of a loop share: mask keys, and what they count
** Depends on loop.h, mask.h and totals.h. It is freed with the loop.
*/
#ifndef WSM_SHARED_H
#define WSM_SHARED_H

#include "io/loop.h"
#include "observe/totals.h"
#include "websocket/mask.h"
#include "websocket/message.h"

struct wsm_shared {
  struct wsm_keys keys;
  struct wsm_totals totals[WSM_SERVER + 1]; /* by enum wsm_role */
};

/* Made when it is first asked for. NULL without memory. */
static inline struct wsm_shared *wsm_shared_of (struct wsm_loop *loop) {
  return wsm_loop_storage(loop, sizeof(struct wsm_shared));
}

#endif
