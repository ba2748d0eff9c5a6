/*
** lstate.h - the state of a connection as Lua values
** Depends on manager.h.
*/
#ifndef WSM_LSTATE_H
#define WSM_LSTATE_H

#include "lua/compat.h"
#include "manager/manager.h"

/* "connecting", "open" ... */
const char *wsm_state_name (unsigned state);

/* W3C readyState. Waiting for the next attempt counts as connecting; a state
** that lasts for good, or until reconnect(), as closed. */
int wsm_ready_state (unsigned state);

/* Pushes nil, token, detail: why no message will come, or none can be sent.
** Returns 3. */
int wsm_push_end (lua_State *L, const struct wsm_manager *m);

#endif
