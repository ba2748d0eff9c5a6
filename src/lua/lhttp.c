#include "lua/lhttp.h"

#include <string.h>
#include "http/percent.h"
#include "lua/lbox.h"
#include "lua/lfield.h"
#include "lua/lhead.h"
#include "lua/lstats.h"
#include "base/hidden.h"

/* --- the request --- */

/* Percent-decoded; '+' is a space. */
static void push_decoded (lua_State *L, struct wsm_span s) {
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  while (s.length > 0) {
    unsigned char byte;
    const size_t taken = wsm_percent_decode_byte(&byte, s);
    luaL_addchar(&b, *s.text == '+' ? ' ' : (char)byte);
    s = wsm_span_skip(s, taken);
  }
  luaL_pushresult(&b);
}

static void set_pair (lua_State *L, struct wsm_span pair) {
  const char *equals = memchr(pair.text, '=', pair.length);
  const size_t n = equals ? (size_t)(equals - pair.text) : pair.length;
  const struct wsm_span name = { pair.text, n };
  if (pair.length == 0) return;
  push_decoded(L, name);
  if (equals) push_decoded(L, wsm_span_skip(pair, n + 1));
  else lua_pushliteral(L, "");
  lua_settable(L, -3);
}

static void push_query (lua_State *L, struct wsm_span query) {
  lua_newtable(L);
  while (query.length > 0) {
    const char *end = memchr(query.text, '&', query.length);
    struct wsm_span pair = query;
    if (end) pair.length = (size_t)(end - query.text);
    set_pair(L, pair);
    query = wsm_span_skip(query, end ? pair.length + 1 : pair.length);
  }
}

static void set_path (lua_State *L, struct wsm_span target) {
  const char *mark = memchr(target.text, '?', target.length);
  size_t path = mark ? (size_t)(mark - target.text) : target.length;
  lua_pushlstring(L, target.text, path);
  lua_setfield(L, -2, "path");
  if (mark) push_query(L, wsm_span_skip(target, path + 1));
  else lua_newtable(L);
  lua_setfield(L, -2, "query");
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

static void set_header (lua_State *L, const char *field,
                        const struct wsm_header *h) {
  if (h) wsm_set_span(L, field, h->value);
}

/* Why it is no opening handshake: `status` and `why`; absent when it is one. The
** manager judged it when it came. */
static void set_status (lua_State *L, const struct wsm_manager *m) {
  if (m->reject_status == 0) return;
  wsm_set_integer(L, "status", m->reject_status);
  wsm_set_string(L, "why", m->error.detail);
}

int wsm_lua_request (lua_State *L) {
  struct wsm_link *link = wsm_check_box(L, 1)->link;
  const struct wsm_manager *m = wsm_link_manager(link);
  const char *text = (const char *)wsm_buffer_bytes(&m->head_text);
  struct wsm_head head;
  struct wsm_error e;
  if (m->role != WSM_SERVER ||
      wsm_head_parse_request(&head, text, wsm_buffer_length(&m->head_text),
                             &e) <= 0)
    return 0;
  wsm_push_head(L, &head);
  set_path(L, head.target);
  set_protocols(L, &head);
  set_header(L, "origin", wsm_head_find(&head, "Origin"));
  set_status(L, m);
  wsm_set_peer(L, link);
  return 1;
}

/* --- the response --- */

/* The response to our opening handshake, accepted or not. */
int wsm_lua_response (lua_State *L) {
  const struct wsm_manager *m = wsm_link_manager(wsm_check_box(L, 1)->link);
  const char *text = (const char *)wsm_buffer_bytes(&m->head_text);
  size_t n = wsm_buffer_length(&m->head_text);
  struct wsm_error e;
  struct wsm_head head;
  long length;
  if (m->role != WSM_CLIENT || n == 0) return 0;
  length = wsm_head_parse_response(&head, text, n, &e);
  if (length <= 0) return 0;
  wsm_push_head(L, &head);
  lua_pushlstring(L, text + length, n - (size_t)length);
  lua_setfield(L, -2, "body");
  return 1;
}
