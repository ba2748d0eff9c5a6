/*
** lsignal.h - signals of the process
** Depends on io/signal.h.
*/
#ifndef WSM_LSIGNAL_H
#define WSM_LSIGNAL_H

#include "lua/compat.h"

/* Sets `signal` and `obey` in the table on top. */
void wsm_set_signals (lua_State *L);

#endif
