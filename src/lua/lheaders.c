#include "lua/lheaders.h"

#include "http/joined_headers.h"
#include "lua/lfield.h"
#include "base/hidden.h"

void wsm_push_lower (lua_State *L, struct wsm_span s) {
  luaL_Buffer b;
  size_t i;
  luaL_buffinit(L, &b);
  for (i = 0; i < s.length; i++) {
    const char c = s.text[i];
    const bool upper = c >= 'A' && c <= 'Z';
    luaL_addchar(&b, (char)(upper ? c + ('a' - 'A') : c));
  }
  luaL_pushresult(&b);
}

/* Into the table on top; joins it to one of the same name. */
static void add_header (lua_State *L, const struct wsm_header *h) {
  wsm_push_lower(L, h->name); /* map name */
  lua_pushvalue(L, -1);
  lua_rawget(L, -3); /* map name old */
  lua_pushlstring(L, h->value.text, h->value.length);
  if (lua_isnil(L, -2)) lua_remove(L, -2); /* map name value */
  else {
    lua_pushstring(L, wsm_joined_separator(h->name));
    lua_insert(L, -2); /* ... old , value */
    lua_concat(L, 3);
  }
  lua_rawset(L, -3);
}

static void set_headers (lua_State *L, const struct wsm_head *head) {
  size_t i;
  lua_createtable(L, 0, (int)head->count);
  for (i = 0; i < head->count; i++) add_header(L, &head->headers[i]);
  lua_setfield(L, -2, "headers");
}

void wsm_push_head (lua_State *L, const struct wsm_head *head) {
  luaL_checkstack(L, 8, "HTTP head");
  lua_createtable(L, 0, 4);
  wsm_set_integer(L, "minor", head->minor);
  if (head->status) {
    wsm_set_integer(L, "status", head->status);
    wsm_set_span(L, "reason", head->reason);
  } else {
    wsm_set_span(L, "method", head->method);
    wsm_set_span(L, "target", head->target);
  }
  set_headers(L, head);
}
