/*
** wsmanager.h - wsmanager as a part of a C program, from libwsmanager.a
** Depends on Lua's headers; on package.preload, which luaL_openlibs makes.
** Nothing is read from files: its Lua is in the library, too.
*/

#ifndef WSMANAGER_H
#define WSMANAGER_H

#include <lua.h>

#ifdef __cplusplus
extern "C" {
#endif

/* For package.preload["wsmanager"]: pushes the module's table. The core comes with it. */
int luaopen_wsmanager (lua_State *L);

/* For package.preload["wsmanager.core"], where wsmanager.lua is your own file. */
int luaopen_wsmanager_core (lua_State *L);

#ifdef __cplusplus
}
#endif

#endif
