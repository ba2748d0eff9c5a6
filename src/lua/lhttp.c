#include "lua/lhttp.h"

#include <stdlib.h>
#include <string.h>
#include "http/etag.h"
#include "http/percent.h"
#include "http/request_target.h"
#include "lua/lbox.h"
#include "lua/lfield.h"
#include "lua/lheaders.h"
#include "lua/lstats.h"
#include "base/hidden.h"

/* --- the request --- */

/* Percent-decoded; in a query '+' is a space (WHATWG URL 5.1). */
static void push_decoded (lua_State *L, struct wsm_span s, bool query) {
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  while (s.length > 0) {
    unsigned char byte;
    const size_t taken = wsm_percent_decode_byte(&byte, s);
    luaL_addchar(&b, query && *s.text == '+' ? ' ' : (char)byte);
    s = wsm_span_skip(s, taken);
  }
  luaL_pushresult(&b);
}

/* Takes what precedes the first c off s, and c with it. */
static struct wsm_span take_until (struct wsm_span *s, char c) {
  const char *end = memchr(s->text, c, s->length);
  struct wsm_span taken = *s;
  if (end) taken.length = (size_t)(end - s->text);
  *s = wsm_span_skip(*s, taken.length + (end ? 1 : 0));
  return taken;
}

/* all[name] gets one value more. query all name value -> the same */
static void add_to_list (lua_State *L) {
  lua_pushvalue(L, -2);
  lua_rawget(L, -4); /* query all name value list */
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_createtable(L, 1, 0);
    lua_pushvalue(L, -3);
    lua_pushvalue(L, -2);
    lua_rawset(L, -6);
  }
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, (int)lua_rawlen(L, -2) + 1);
  lua_pop(L, 1);
}

/* query all -> the same */
static void add_pair (lua_State *L, struct wsm_span pair) {
  const struct wsm_span name = take_until(&pair, '=');
  push_decoded(L, name, true);
  push_decoded(L, pair, true);
  add_to_list(L);
  lua_rawset(L, -4);
}

/* Fields `query`, name to its last value, and `queries`, name to all of them. */
static void set_query (lua_State *L, struct wsm_span query) {
  luaL_checkstack(L, 8, "query");
  lua_newtable(L);
  lua_newtable(L);
  while (query.length > 0) {
    const struct wsm_span pair = take_until(&query, '&');
    if (pair.length > 0) add_pair(L, pair);
  }
  lua_setfield(L, -3, "queries");
  lua_setfield(L, -2, "query");
}

static void set_target (lua_State *L, const struct wsm_head *head) {
  struct wsm_request_target target;
  (void)wsm_request_target_parse(&target, head); /* the manager checked it */
  wsm_push_lower(L, target.host);
  lua_setfield(L, -2, "host");
  push_decoded(L, target.path, false);
  lua_setfield(L, -2, "path");
  set_query(L, target.query);
}

static void set_protocols (lua_State *L, const struct wsm_head *head) {
  size_t i;
  int n = 0;
  lua_newtable(L);
  for (i = 0; i < head->count; i++) {
    struct wsm_span list = head->headers[i].value, one;
    if (!wsm_span_is(head->headers[i].name, "Sec-WebSocket-Protocol")) continue;
    while (wsm_span_take(&list, &one)) {
      lua_pushlstring(L, one.text, one.length);
      lua_rawseti(L, -2, ++n);
    }
  }
  lua_setfield(L, -2, "protocols");
}

/* Two of them are one that nobody allows. */
static void set_origin (lua_State *L) {
  lua_getfield(L, -1, "headers");
  lua_getfield(L, -1, "origin");
  lua_setfield(L, -3, "origin");
  lua_pop(L, 1);
}

/* "127.0.0.1" and its port; a Unix socket has none. */
static void set_peer (lua_State *L, const char *text) {
  struct wsm_span host = wsm_span_of(text);
  const char *colon = strrchr(text, ':');
  if (colon) {
    host.length = (size_t)(colon - text);
    wsm_set_integer(L, "port", atoi(colon + 1));
  }
  if (host.text[0] == '[') host = wsm_span_skip(host, 1);
  if (colon && host.text > text) host.length--;
  wsm_set_span(L, "address", host);
}

/* What is read of the connection before anything is pushed: the rest comes from
** a string of Lua's. */
struct snapshot {
  unsigned reject_status;
  char why[WSM_DETAIL_SIZE];
  char peer[WSM_PEER_SIZE];
};

static void take_snapshot (struct snapshot *s, struct wsm_link *link) {
  const struct wsm_manager *m = wsm_link_manager(link);
  s->reject_status = m->reject_status;
  memcpy(s->why, m->error.detail, sizeof s->why);
  wsm_link_peer(link, s->peer, sizeof s->peer);
}

/* Why it is no opening handshake: `status` and `why`; absent when it is one. The
** manager checked it when it came. */
static void set_status (lua_State *L, const struct snapshot *s) {
  if (s->reject_status == 0) return;
  wsm_set_integer(L, "status", (int)s->reject_status);
  wsm_set_string(L, "why", s->why);
}

int wsm_lua_request (lua_State *L) {
  const struct wsm_box *box = wsm_check_box(L, 1);
  struct snapshot s;
  const char *text;
  struct wsm_head head;
  struct wsm_error e;
  size_t n;
  long length;
  if (wsm_link_manager(box->link)->role != WSM_SERVER) return 0;
  take_snapshot(&s, box->link);
  wsm_push_text_of(L, box, WSM_BOX_HEAD);
  text = lua_tolstring(L, -1, &n);
  length = wsm_head_parse_request(&head, text, n, &e);
  if (length <= 0) return 0;
  wsm_push_head(L, &head);
  set_target(L, &head);
  set_protocols(L, &head);
  set_origin(L);
  set_status(L, &s);
  wsm_set_boolean(L, "upgrade", wsm_upgrade_is_asked_for(&head));
  set_peer(L, s.peer);
  lua_pushlstring(L, text + length, n - (size_t)length);
  lua_setfield(L, -2, "body");
  return 1;
}

/* --- entity tags --- */

/* etag(body) -> tag */
static int etag (lua_State *L) {
  char tag[WSM_ETAG_SIZE];
  size_t n;
  const char *body = luaL_checklstring(L, 1, &n);
  wsm_etag_write(tag, body, n);
  lua_pushstring(L, tag);
  return 1;
}

/* etagmatches(list, tag) -> boolean */
static int etag_matches (lua_State *L) {
  struct wsm_span list, tag;
  list.text = luaL_checklstring(L, 1, &list.length);
  tag.text = luaL_checklstring(L, 2, &tag.length);
  lua_pushboolean(L, wsm_etag_matches(list, tag));
  return 1;
}

static const luaL_Reg functions[] = { { "etag", etag },
                                      { "etagmatches", etag_matches },
                                      { NULL, NULL } };

void wsm_set_etags (lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}

/* --- the response --- */

/* The response to our opening handshake, accepted or not. */
int wsm_lua_response (lua_State *L) {
  const struct wsm_box *box = wsm_check_box(L, 1);
  const char *text;
  struct wsm_error e;
  struct wsm_head head;
  size_t n;
  long length;
  if (wsm_link_manager(box->link)->role != WSM_CLIENT) return 0;
  wsm_push_text_of(L, box, WSM_BOX_HEAD);
  text = lua_tolstring(L, -1, &n);
  length = n ? wsm_head_parse_response(&head, text, n, &e) : 0;
  if (length <= 0) return 0;
  wsm_push_head(L, &head);
  lua_pushlstring(L, text + length, n - (size_t)length);
  lua_setfield(L, -2, "body");
  return 1;
}
