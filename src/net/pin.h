/*
** pin.h - keeps this library in memory
** Stands on dlopen. A resolver thread may outlive the Lua state that loaded us,
** and a closing state unloads its libraries.
*/
#ifndef WSM_PIN_H
#define WSM_PIN_H

/* From now until the process ends; more calls change nothing. */
void wsm_pin (void);

#endif
