/*
** ljson.h - core.json: what lua-cjson does not do exactly
** Depends on lencode.h and ldecode.h.
*/
#ifndef WSM_LJSON_H
#define WSM_LJSON_H

#include "lua/compat.h"

/* Sets json of the table on top. */
void wsm_set_json (lua_State *L);

#endif
