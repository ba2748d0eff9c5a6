/*
** spec_login.h - the methods of a manager that a login calls
** Depends on spec_manager.h. For specs of the pure manager only: a login of users
** is in llogin.c.
*/
#ifndef WSM_SPEC_LOGIN_H
#define WSM_SPEC_LOGIN_H

#include "lua/compat.h"

int wsm_spec_login_done (lua_State *L);
int wsm_spec_login_failed (lua_State *L);
int wsm_spec_login_send (lua_State *L);
int wsm_spec_login_next (lua_State *L);
int wsm_spec_give_back (lua_State *L);
int wsm_spec_login_over (lua_State *L);
int wsm_spec_release (lua_State *L);

#endif
