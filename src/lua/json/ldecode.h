/*
** ldecode.h - JSON texts as Lua values
** Depends on number.h. Accepts what lua-cjson accepts, without NaN and
** hexadecimal numbers; where Lua has integers, integers are integers.
** Never says what is wrong with a text: lua-cjson does.
*/
#ifndef WSM_LDECODE_H
#define WSM_LDECODE_H

#include "lua/compat.h"

/* decode(text) -> value | nil: it is no JSON. JSON null is the light userdata
** NULL, as it is lua-cjson's. */
int wsm_json_decode (lua_State *L);

/* longer(text, digits) -> boolean: has it an integer of more digits? */
int wsm_json_longer (lua_State *L);

#endif
