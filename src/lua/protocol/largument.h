/*
** largument.h - arguments, and fields of a table, as what the pure rooms take
** Depends on url.h. A text is the string that Lua holds: keep it on the stack.
** All raise for what does not fit, naming the argument or the field.
*/
#ifndef WSM_LARGUMENT_H
#define WSM_LARGUMENT_H

#include "lua/compat.h"
#include "base/span.h"
#include "http/url.h"

struct wsm_span wsm_check_span (lua_State *L, int i);
void wsm_check_url (lua_State *L, int i, struct wsm_url *url);

/* A header's value; NULL for none. */
const char *wsm_opt_value (lua_State *L, int i);

/* "Name: value\r\n" lines; NULL for none. */
const char *wsm_opt_lines (lua_State *L, int i);

/* The same of the table at i. Each pushes its field, which holds the text. */
const char *wsm_field_value (lua_State *L, int i, const char *name);
const char *wsm_field_lines (lua_State *L, int i);             /* `headers` */
void wsm_field_url (lua_State *L, int i, struct wsm_url *url); /* `url` */

/* Pushes field `name` of the table at i, a string or nil; returns its index. */
int wsm_push_field (lua_State *L, int i, const char *name);

#endif
