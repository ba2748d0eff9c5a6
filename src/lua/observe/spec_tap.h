/*
** spec_tap.h - a tap and its journal, for specs
** Depends on tap.h.
*/
#ifndef WSM_SPEC_TAP_H
#define WSM_SPEC_TAP_H

#include "lua/compat.h"

/* Sets tap of the table `protocol` of the table on top. */
void wsm_set_tap (lua_State *L);

#endif
