/*
** ltext.h - a buffer to write a text into, freed whatever Lua raises
** Depends on buffer.h.
*/
#ifndef WSM_LTEXT_H
#define WSM_LTEXT_H

#include "lua/compat.h"
#include "base/buffer.h"

/* Pushes a userdata with an empty buffer, which it owns. */
struct wsm_buffer *wsm_push_text (lua_State *L);

/* Pushes the bytes of b as a string, and empties it. */
void wsm_push_bytes (lua_State *L, struct wsm_buffer *b);

/* Pushes the text as a string and returns 1; raises if it was not written,
** for want of memory. */
int wsm_return_text (lua_State *L, struct wsm_buffer *text, bool written);

#endif
