/*
** llogin.h - what a login does with its connection: core.link's login functions
** Depends on lbox.h. Each names the connection by its epoch: without effect once
** that is over.
*/
#ifndef WSM_LLOGIN_H
#define WSM_LLOGIN_H

#include "lua/compat.h"

/* Sets the functions in the table on top. */
void wsm_set_login (lua_State *L);

#endif
