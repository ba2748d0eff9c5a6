#include <string.h>
#include "lua/llink.h"
#include "lua/module.h"

/* W3C readyState: waiting for the next dial counts as connecting, and what ends
** for good, or until reconnect(), as closed. */
static int ready_state (unsigned state) {
  switch ((enum wsm_state)state) {
    case WSM_STATE_CONNECTING:
      return 0;
    case WSM_STATE_WAITING:
      return 0;
    case WSM_STATE_OPEN:
      return 1;
    case WSM_STATE_CLOSING:
      return 2;
    case WSM_STATE_CLOSED:
      break;
    case WSM_STATE_LOCKED:
      break;
    case WSM_STATE_EXHAUSTED:
      break;
  }
  return 3;
}

const char *wsm_state_name (unsigned state) {
  static const char *const names[] = { "connecting", "open",    "closing",
                                       "closed",     "waiting", "locked",
                                       "exhausted" };
  return state < sizeof names / sizeof *names ? names[state] : "";
}

static const struct wsm_manager *manager (const struct wsm_box *box) {
  bool alive = box->link && wsm_link_handle(box->link)->loop;
  return alive ? wsm_link_manager(box->link) : NULL;
}

static void push_state (lua_State *L, const struct wsm_box *box) {
  const struct wsm_manager *m = manager(box);
  lua_pushstring(L, wsm_state_name(m ? m->state : WSM_STATE_CLOSED));
}

static void push_ready_state (lua_State *L, const struct wsm_box *box) {
  const struct wsm_manager *m = manager(box);
  lua_pushinteger(L, m ? ready_state(m->state) : 3);
}

static void push_buffered (lua_State *L, const struct wsm_box *box) {
  const struct wsm_manager *m = manager(box);
  lua_pushinteger(L, m ? (lua_Integer)wsm_manager_buffered(m) : 0);
}

static void push_span (lua_State *L, struct wsm_span span) {
  lua_pushlstring(L, span.length ? span.text : "", span.length);
}

static void push_protocol_name (lua_State *L, const struct wsm_box *box) {
  const struct wsm_manager *m = manager(box);
  struct wsm_span none = { "", 0 };
  push_span(L, m ? m->agreed.protocol : none);
}

static void push_extensions (lua_State *L, const struct wsm_box *box) {
  const struct wsm_manager *m = manager(box);
  struct wsm_span none = { "", 0 };
  push_span(L, m ? m->agreed.extensions : none);
}

static void push_url (lua_State *L, const struct wsm_box *box) {
  lua_pushstring(L, box->target.url ? box->target.url : "");
}

static void push_id (lua_State *L, const struct wsm_box *box) {
  lua_pushinteger(L, box->link ? (lua_Integer)wsm_link_id(box->link) : 0);
}

struct property {
  const char *name;
  void (*push)(lua_State *L, const struct wsm_box *box);
};

static const struct property properties[] = {
  { "state", push_state },
  { "readyState", push_ready_state },
  { "bufferedAmount", push_buffered },
  { "protocol", push_protocol_name },
  { "extensions", push_extensions },
  { "url", push_url },
  { "id", push_id }
};

bool wsm_push_property (lua_State *L, struct wsm_box *box, const char *name) {
  size_t i;
  for (i = 0; i < sizeof properties / sizeof *properties; i++) {
    if (strcmp(properties[i].name, name) != 0) continue;
    properties[i].push(L, box);
    return true;
  }
  return false;
}
