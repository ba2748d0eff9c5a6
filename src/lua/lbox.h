/*
** lbox.h - the userdata `wsmanager`: one connection, either role
** Depends on link.h. The userdata holds the link, its policy and the texts it
** connects with; the fields that Lua code sets are in its user value.
*/
#ifndef WSM_LBOX_H
#define WSM_LBOX_H

#include "lua/compat.h"
#include "link/link.h"

#define WSM_CONNECTION "wsmanager" /* the name of its metatable */

/* The texts of one target, owned. */
struct wsm_target {
  char *url, *protocols, *headers;
  bool protocol_optional;
  struct wsm_url parts; /* spans of url */
};

/* A client owns its policy and its proxy. A server's connection uses the
** server's policy: both are NULL. */
struct wsm_box {
  const void *mark;      /* first: wsm_marked */
  struct wsm_link *link; /* NULL: dropped */
  struct wsm_target target;
  struct wsm_policy *policy;
  char *proxy;
  bool has_codec;  /* its messages are to be decoded */
  bool identifies; /* what is sent goes through the Lua layer, for its id */
  bool is_shared;  /* several wait in receive: who calls it waits in turn */
};

/* The box at i, not dropped, on an open loop; raises for anything else. */
struct wsm_box *wsm_check_box (lua_State *L, int i);

/* The box at i, dropped or not; raises for anything else. */
struct wsm_box *wsm_check_any_box (lua_State *L, int i);

/* The box at i, dropped or not; NULL for anything else. */
struct wsm_box *wsm_test_box (lua_State *L, int i);

/* Pushes an empty one: its link is set once nothing can fail any more. */
struct wsm_box *wsm_push_box (lua_State *L);

enum wsm_box_text {
  WSM_BOX_PROTOCOL,   /* the subprotocol agreed on */
  WSM_BOX_EXTENSIONS, /* as agreed on */
  WSM_BOX_HEAD        /* the peer's HTTP head, with the body behind it */
};

/* Pushes that text as a string, empty without a link. In Lua any allocation may
** run a finalizer that turns the loop, and then the text is another one or freed:
** nothing else of a manager may be read through a pointer kept across one. */
void wsm_push_text_of (lua_State *L, const struct wsm_box *box,
                       enum wsm_box_text which);

/* Pushes the queue's messages and their kinds, as two lists, and empties it.
** A memory error loses none. */
int wsm_push_unsent (lua_State *L, struct wsm_message_queue *q);

/* The link of a box; NULL when it is dropped or its loop is closed. */
static inline struct wsm_link *wsm_box_link (const struct wsm_box *box) {
  return box->link && wsm_link_is_attached(box->link) ? box->link : NULL;
}

#endif
