/*
** lffi.h - receive and send for LuaJIT's FFI
** Depends on lua.h through compat.h. lua/wsmanager/base/ffi.lua calls them.
*/
#ifndef WSM_LFFI_H
#define WSM_LFFI_H

#include "lua/compat.h"

/* Sets ffi of the table on top, where Lua may be LuaJIT. */
void wsm_set_ffi (lua_State *L);

#endif
