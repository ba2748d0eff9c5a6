#include "lua/lhttp.h"

#include <string.h>
#include "lua/lbox.h"
#include "lua/lfield.h"
#include "lua/lhead.h"
#include "lua/lstats.h"

/* --- the request --- */

static int hex (int c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decoded (RFC 3986 2.1); '+' is a space. */
static void push_decoded (lua_State *L, const char *text, size_t n) {
  luaL_Buffer b;
  size_t i;
  luaL_buffinit(L, &b);
  for (i = 0; i < n; i++) {
    int high = text[i] == '%' && n - i > 2 ? hex(text[i + 1]) : -1;
    int low = high >= 0 ? hex(text[i + 2]) : -1;
    if (low >= 0) {
      luaL_addchar(&b, (char)(high * 16 + low));
      i += 2;
    } else {
      luaL_addchar(&b, text[i] == '+' ? ' ' : text[i]);
    }
  }
  luaL_pushresult(&b);
}

static void set_pair (lua_State *L, const char *pair, size_t n) {
  const char *equals = memchr(pair, '=', n);
  size_t name = equals ? (size_t)(equals - pair) : n;
  if (n == 0) return;
  push_decoded(L, pair, name);
  if (equals) push_decoded(L, equals + 1, n - name - 1);
  else lua_pushliteral(L, "");
  lua_settable(L, -3);
}

static void push_query (lua_State *L, const char *query, size_t n) {
  lua_newtable(L);
  while (n > 0) {
    const char *end = memchr(query, '&', n);
    size_t length = end ? (size_t)(end - query) : n;
    set_pair(L, query, length);
    if (!end) return;
    query = end + 1;
    n -= length + 1;
  }
}

static void set_path (lua_State *L, struct wsm_span target) {
  const char *mark = memchr(target.text, '?', target.length);
  size_t path = mark ? (size_t)(mark - target.text) : target.length;
  lua_pushlstring(L, target.text, path);
  lua_setfield(L, -2, "path");
  if (mark) push_query(L, mark + 1, target.length - path - 1);
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

/* Why it is no opening handshake: `status` and `why`; absent when it is one. */
static void set_status (lua_State *L, const struct wsm_head *head) {
  struct wsm_error e;
  const int status = wsm_handshake_check_request(head, &e);
  if (status == 0) return;
  wsm_set_integer(L, "status", status);
  wsm_set_string(L, "why", e.detail);
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
  set_status(L, &head);
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
