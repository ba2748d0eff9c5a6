/*
** lprobe.h - binds what `wsm probe` looks at: addresses of a name, certificates
** Depends on lookup.h, tls.h and certificate.h.
** Never calls Lua.
*/
#ifndef WSM_LPROBE_H
#define WSM_LPROBE_H

#include "lua/compat.h"

/* Sets `lookup` and `certificate` of the table on top of the stack. */
void wsm_set_probe (lua_State *L);

#endif
