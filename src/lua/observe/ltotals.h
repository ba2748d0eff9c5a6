/*
** ltotals.h - core.totals: what all connections of a loop have counted
** Depends on link.h and lloop.h.
*/
#ifndef WSM_LTOTALS_H
#define WSM_LTOTALS_H

#include "lua/compat.h"

/* Sets totals of the table on top. */
void wsm_set_totals (lua_State *L);

#endif
