/*
** spec_policy.h - a policy by the names of its C fields, in milliseconds
** Depends on policy.h. For specs of the pure manager only: the options of users,
** in seconds, are read by lconfig.c.
*/
#ifndef WSM_SPEC_POLICY_H
#define WSM_SPEC_POLICY_H

#include "lua/compat.h"
#include "manager/policy.h"

/* The defaults, changed by the table at i. Raises for a wrong type. */
void wsm_policy_read (lua_State *L, int i, struct wsm_policy *p);

void wsm_push_policy (lua_State *L); /* { defaults, delay, retries } */

#endif
