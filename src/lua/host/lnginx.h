/*
** lnginx.h - core.nginx, core.bridge, core.shared: life in nginx's event loop
** Depends on nginx.h, bridge.h and lloop.h. lua/wsmanager/host/openresty.lua uses all.
*/
#ifndef WSM_LNGINX_H
#define WSM_LNGINX_H

#include "lua/compat.h"

/* Sets them in the table on top. */
void wsm_set_nginx (lua_State *L);

#endif
