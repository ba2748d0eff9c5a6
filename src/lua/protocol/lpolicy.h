/*
** lpolicy.h - a policy in milliseconds, by the names of its C fields
** Stands on policy.h. For the specs of the pure manager; what a user writes, in
** seconds, is read by lconfig.c.
*/
#ifndef WSM_LPOLICY_H
#define WSM_LPOLICY_H

#include "lua/compat.h"
#include "manager/policy.h"

/* The defaults, changed by the table at i. Raises for a wrong type. */
void wsm_policy_read (lua_State *L, int i, struct wsm_policy *p);

void wsm_push_policy (lua_State *L); /* { defaults, delay, retries } */
void wsm_push_queue (lua_State *L);  /* lqueue.c: queue() */

#endif
