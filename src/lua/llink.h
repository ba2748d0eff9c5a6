/*
** llink.h - the userdata `wsmanager`: one connection, either role
** Stands on net/link.h. The userdata holds the link, the policy and the texts it
** dials with; Lua's own fields live in its user value.
*/
#ifndef WSM_LLINK_H
#define WSM_LLINK_H

#include "lua/compat.h"
#include "server/server.h"

/* The texts of one target, owned. */
struct wsm_target {
  char *url, *protocols, *headers;
  struct wsm_url parts; /* spans of url */
};

/* A client's has its policy behind it; a server's borrows the server's. */
struct wsm_box {
  const void *mark;      /* first: wsm_marked */
  struct wsm_link *link; /* NULL: dropped */
  struct wsm_target target;
  struct wsm_policy *policy; /* of a client: owned */
  char *beat;                /* of the policy: owned */
  char *proxy;               /* of a client: owned, or NULL */
  bool coded;                /* its messages are to be decoded */
};

/* The box at i, whose link lives and stands on an open loop; raises else. */
struct wsm_box *wsm_check_box (lua_State *L, int i);

/* The box at i, or NULL when it is something else. */
struct wsm_box *wsm_test_box (lua_State *L, int i);

/* Pushes the userdata of a server's connection, not yet owning a link: it is
** set once nothing can fail any more. */
struct wsm_box *wsm_push_box (lua_State *L);

/* Raises at the line of that level, as luaL_where counts. */
int wsm_misuse (lua_State *L, int level, const char *what);

/* nil, token, detail: why no message will come, or none can be sent. */
int wsm_push_end (lua_State *L, const struct wsm_manager *m);

/* lmessage.c: sets core.link.receive, send and, where C can go on after a Lua
** function has yielded, methods. */
void wsm_set_messages (lua_State *L);

/* lffi.c: sets core.link.direct where Lua may be LuaJIT. */
void wsm_set_direct (lua_State *L);

/* lconnect.c: core.connection, core.link.target; frees texts and policy. */
int wsm_link_lua_make (lua_State *L);
int wsm_link_lua_target (lua_State *L);
void wsm_target_free (struct wsm_box *box);

/* Raises unless nothing, or "Name: value\r\n" lines for a handshake, is at i. */
void wsm_check_lines (lua_State *L, int i);

/* lproperty.c: what `ws.name` finds that is neither method nor field. Pushes
** one value; false: no such property. */
bool wsm_push_property (lua_State *L, struct wsm_box *box, const char *name);

/* levent.c: core.link.event, stats, answer, request. */
int wsm_link_lua_event (lua_State *L);
int wsm_link_lua_stats (lua_State *L);
int wsm_link_lua_answer (lua_State *L);
int wsm_link_lua_request (lua_State *L);

/* The word for a state: "connecting" ... */
const char *wsm_state_name (unsigned state);

#endif
