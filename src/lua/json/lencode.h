/*
** lencode.h - Lua values as JSON texts
** Depends on number.h and utf8.h. Writes each number so that it reads back as the
** same, and refuses, with a sentence, what JSON cannot hold.
** Never calls a metamethod.
*/
#ifndef WSM_LENCODE_H
#define WSM_LENCODE_H

#include "lua/compat.h"

/* The upvalues that both functions have, by their index: what marks a table as
** an array. The last three are lua-cjson's, nil where it has none. */
enum {
  WSM_JSON_TYPE = 1,   /* "__jsontype": a field of a metatable ... */
  WSM_JSON_IS_ARRAY,   /* "array": ... with this value */
  WSM_JSON_ARRAY_MT,   /* cjson.array_mt */
  WSM_JSON_EMPTY_MT,   /* cjson.empty_array_mt: an array when it is empty */
  WSM_JSON_EMPTY_ARRAY /* cjson.empty_array, a light userdata */
};

#define WSM_JSON_DEPTH 1000 /* of nested arrays and objects, both ways */

/* plain(value) -> boolean: does every lua-cjson encode it rightly, unless it
** contains a string that is not UTF-8? */
int wsm_json_plain (lua_State *L);

/* encode(value) -> text | nil, why */
int wsm_json_encode (lua_State *L);

#endif
