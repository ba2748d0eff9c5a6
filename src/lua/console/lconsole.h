/*
** lconsole.h - binds the descriptors and the terminal of a program, for `wsm`
** Depends on descriptor.h and terminal.h.
** Never calls Lua.
*/
#ifndef WSM_LCONSOLE_H
#define WSM_LCONSOLE_H

#include "lua/compat.h"

/* Sets `descriptor` and `suspend` of the table on top of the stack. */
void wsm_set_console (lua_State *L);

#endif
