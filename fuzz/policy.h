/*
** policy.h - the options of a manager, for a fuzzer
** Depends on input.h and manager/policy.h.
*/
#ifndef WSM_FUZZ_POLICY_H
#define WSM_FUZZ_POLICY_H

#include "input.h"
#include "manager/policy.h"

/* number: what the life is like otherwise; see manager.c. */
void policy_draw (struct wsm_policy *p, struct input *in, unsigned number);

#endif
