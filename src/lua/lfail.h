/*
** lfail.h - the two ways to fail: nil, token, detail; or an error that is raised
** Depends on error.h.
*/
#ifndef WSM_LFAIL_H
#define WSM_LFAIL_H

#include "lua/compat.h"
#include "base/error.h"

/* Pushes nil, token, detail: returns 3. */
int wsm_fail (lua_State *L, const struct wsm_error *e);

/* As wsm_fail, and whether the error is final: returns 4. */
int wsm_fail_final (lua_State *L, const struct wsm_error *e);

/* Raises at the line of that level, as luaL_where counts. */
int wsm_misuse (lua_State *L, int level, const char *what);

#endif
