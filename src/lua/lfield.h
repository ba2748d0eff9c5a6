/*
** lfield.h - sets fields of the table on top of the stack
** Depends on span.h.
*/
#ifndef WSM_LFIELD_H
#define WSM_LFIELD_H

#include <stdbool.h>
#include <stdint.h>
#include "lua/compat.h"
#include "base/span.h"

static inline void wsm_push_span (lua_State *L, struct wsm_span s) {
  lua_pushlstring(L, s.length ? s.text : "", s.length);
}

static inline void wsm_set_span (lua_State *L, const char *key,
                                 struct wsm_span s) {
  wsm_push_span(L, s);
  lua_setfield(L, -2, key);
}

static inline void wsm_set_string (lua_State *L, const char *key,
                                   const char *text) {
  lua_pushstring(L, text);
  lua_setfield(L, -2, key);
}

static inline void wsm_set_boolean (lua_State *L, const char *key, bool value) {
  lua_pushboolean(L, value);
  lua_setfield(L, -2, key);
}

static inline void wsm_set_integer (lua_State *L, const char *key, int value) {
  lua_pushinteger(L, value);
  lua_setfield(L, -2, key);
}

/* A counter: beyond what lua_Integer holds it wraps. */
static inline void wsm_set_count (lua_State *L, const char *key, uint64_t n) {
  lua_pushinteger(L, (lua_Integer)n);
  lua_setfield(L, -2, key);
}

static inline void wsm_set_number (lua_State *L, const char *key, double n) {
  lua_pushnumber(L, (lua_Number)n);
  lua_setfield(L, -2, key);
}

#endif
