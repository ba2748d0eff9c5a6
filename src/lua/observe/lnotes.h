/*
** lnotes.h - link.observe and link.notes: what happened to a connection
** Depends on lbox.h and notes.h.
*/
#ifndef WSM_LNOTES_H
#define WSM_LNOTES_H

#include "lua/compat.h"

/* Sets both in the table `link` of the table on top. */
void wsm_set_notes (lua_State *L);

#endif
