/*
** keep_loaded.h - keeps this library in memory
** Depends on dlopen. Resolver threads, reactors and fork handlers outlive the Lua
** state that loaded us, and a closing state unloads its libraries.
*/
#ifndef WSM_KEEP_LOADED_H
#define WSM_KEEP_LOADED_H

/* From now until the process ends; may be called again. */
void wsm_keep_loaded (void);

#endif
