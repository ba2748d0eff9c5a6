/*
** lheaders.h - an HTTP head and its headers as Lua tables
** Depends on head.h.
*/
#ifndef WSM_LHEADERS_H
#define WSM_LHEADERS_H

#include "lua/compat.h"
#include "http/head.h"

/* Pushes { status, minor, reason } of a response or { method, target, minor } of
** a request, with headers: lower-case name to value; several of one name are
** joined by ", ", those of cookie by "; " and those of set-cookie by "\n" (RFC
** 9110 5.3). */
void wsm_push_head (lua_State *L, const struct wsm_head *head);

/* Pushes it with its ASCII letters in lower case. */
void wsm_push_lower (lua_State *L, struct wsm_span s);

#endif
