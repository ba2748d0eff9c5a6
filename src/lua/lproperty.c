#include "lua/lproperty.h"

#include <string.h>
#include "lua/lfield.h"
#include "lua/lstate.h"
#include "base/hidden.h"

static const struct wsm_manager *manager (const struct wsm_box *box) {
  struct wsm_link *link = wsm_box_link(box);
  return link ? wsm_link_manager(link) : NULL;
}

static void push_state (lua_State *L, const struct wsm_box *box) {
  const struct wsm_manager *m = manager(box);
  lua_pushstring(L, wsm_state_name(m ? m->state : WSM_STATE_CLOSED));
}

static void push_ready_state (lua_State *L, const struct wsm_box *box) {
  const struct wsm_manager *m = manager(box);
  lua_pushinteger(L, wsm_ready_state(m ? m->state : WSM_STATE_CLOSED));
}

static void push_buffered (lua_State *L, const struct wsm_box *box) {
  const struct wsm_manager *m = manager(box);
  lua_pushinteger(L, m ? (lua_Integer)wsm_manager_buffered(m) : 0);
}

static void push_protocol_name (lua_State *L, const struct wsm_box *box) {
  wsm_push_text_of(L, box, WSM_BOX_PROTOCOL);
}

static void push_extensions (lua_State *L, const struct wsm_box *box) {
  wsm_push_text_of(L, box, WSM_BOX_EXTENSIONS);
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

bool wsm_push_property (lua_State *L, const struct wsm_box *box,
                        const char *name) {
  size_t i;
  for (i = 0; i < sizeof properties / sizeof *properties; i++) {
    if (strcmp(properties[i].name, name) != 0) continue;
    properties[i].push(L, box);
    return true;
  }
  return false;
}
