/*
** lcheck.h - checks of texts that a user gives: URLs, tokens, header lines, UTF-8
** Depends on url.h, head.h, header_lines.h and utf8.h.
*/
#ifndef WSM_LCHECK_H
#define WSM_LCHECK_H

#include "lua/compat.h"

/* Raises unless nothing, or "Name: value\r\n" lines for a handshake, is at i. */
void wsm_check_lines (lua_State *L, int i);

/* Sets url, istoken, isreserved and utf8 of the table on top. */
void wsm_set_checks (lua_State *L);

#endif
