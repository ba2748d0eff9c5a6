/*
** llink.h - the metatable of `wsmanager` and the functions on a connection
** Depends on lua.h through compat.h.
*/
#ifndef WSM_LLINK_H
#define WSM_LLINK_H

#include "lua/compat.h"

/* Sets connection, link, methods and metatable of the table on top. */
void wsm_set_link (lua_State *L);

#endif
