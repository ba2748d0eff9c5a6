/*
** lmessage.h - receive and send
** Depends on link.h. Calls Lua in one place, as the last thing that a method
** does, where C can go on after a yield (WSM_HAS_CALLK).
*/
#ifndef WSM_LMESSAGE_H
#define WSM_LMESSAGE_H

#include "lua/compat.h"

/* Sets receive, send and, with WSM_HAS_CALLK, methods of the table on top. */
void wsm_set_messages (lua_State *L);

#endif
