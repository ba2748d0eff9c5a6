/*
** lshape.h - is a table an array or an object?
** Depends on lencode.h, for the upvalues that mark arrays.
** Never looks at values: keys and the metatable decide.
*/
#ifndef WSM_LSHAPE_H
#define WSM_LSHAPE_H

#include <stdbool.h>
#include "lua/compat.h"

/* What the keys of a table were, so far. Zero it to start. */
struct wsm_shape {
  lua_Number names;   /* strings */
  lua_Number indices; /* 1, 2, 3 ... */
  lua_Number highest; /* of the indices */
  lua_Number others;  /* other numbers, booleans, tables ... */
};

enum wsm_shape_fault {
  WSM_SHAPE_OK,
  WSM_SHAPE_OTHER, /* a key that is neither a name nor an index */
  WSM_SHAPE_MIXED, /* names and indices */
  WSM_SHAPE_SPARSE /* indices that are missing */
};

enum wsm_mark {
  WSM_UNMARKED,
  WSM_MARKED_ARRAY,   /* an array, also when it is empty */
  WSM_MARKED_IF_EMPTY /* an array when it is empty; else its keys decide */
};

/* Counts the key at i. */
void wsm_shape_count (lua_State *L, int i, struct wsm_shape *shape);

enum wsm_shape_fault wsm_shape_fault (const struct wsm_shape *shape);

/* Does the metatable of the table at i mark it as an array? Needs room for 3
** values on the stack. */
enum wsm_mark wsm_shape_mark (lua_State *L, int i);

#endif
