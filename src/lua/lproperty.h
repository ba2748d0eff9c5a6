/*
** lproperty.h - the properties of a connection: ws.state, ws.url ...
** Depends on lbox.h.
*/
#ifndef WSM_LPROPERTY_H
#define WSM_LPROPERTY_H

#include "lua/lbox.h"

/* Pushes the property's value. false: there is none of that name. */
bool wsm_push_property (lua_State *L, const struct wsm_box *box,
                        const char *name);

#endif
