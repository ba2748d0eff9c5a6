/*
** lprotocol.h - the table `wsmanager.protocol`: the protocol without a socket
** Depends on lua.h through compat.h. Each file here binds one header of a pure
** room; what spec_*.c bind is for specs only.
** Never includes anything of src/io or src/link.
*/
#ifndef WSM_LPROTOCOL_H
#define WSM_LPROTOCOL_H

#include "lua/compat.h"

/* Pushes the whole table. */
void wsm_push_protocol (lua_State *L);

/* Each sets functions of the table on top. */
void wsm_set_frames (lua_State *L);    /* frame parse mask */
void wsm_set_heads (lua_State *L);     /* head body reply isvalue ... */
void wsm_set_handshake (lua_State *L); /* key accept request response ... */
void wsm_set_deflate (lua_State *L);   /* deflate deflateoffer ... */
void wsm_set_redirects (lua_State *L); /* redirect httpdate retryafter ... */
void wsm_set_proxies (lua_State *L);   /* proxy environment exchange */

/* Each pushes the function that makes one. */
void wsm_push_utf8_stream (lua_State *L);
void wsm_push_session (lua_State *L);
void wsm_push_manager (lua_State *L);
void wsm_push_queue (lua_State *L);
void wsm_push_buffer (lua_State *L);
void wsm_push_heap (lua_State *L);
void wsm_push_rate (lua_State *L);
void wsm_push_ids (lua_State *L);
void wsm_push_tls_pipe (lua_State *L);

#endif
