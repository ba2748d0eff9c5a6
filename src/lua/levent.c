#include <string.h>
#include "lua/lhead.h"
#include "lua/llink.h"
#include "lua/module.h"

#define ADDRESS_SIZE 80

/* --- events --- */

static int push_error (lua_State *L, const struct wsm_manager *m) {
  lua_pushstring(L, wsm_token_name(m->error.token));
  lua_pushstring(L, m->error.detail);
  return 3;
}

static int push_close (lua_State *L, const struct wsm_manager *m) {
  lua_pushinteger(L, m->code);
  lua_pushlstring(L, m->reason_length ? m->reason : "", m->reason_length);
  lua_pushboolean(L, m->clean);
  return 4;
}

static int push_verdict (lua_State *L, const struct wsm_manager *m) {
  lua_pushstring(L, wsm_token_name(m->error.token));
  lua_pushinteger(L, m->code);
  lua_pushboolean(L, m->error.final);
  return 4;
}

static int push_attempt (lua_State *L, const struct wsm_manager *m) {
  lua_pushinteger(L, (lua_Integer)m->failures);
  return 2;
}

static int push_reconnecting (lua_State *L, const struct wsm_manager *m) {
  lua_pushinteger(L, (lua_Integer)m->failures);
  lua_pushnumber(L, (lua_Number)m->delay_ms / 1000);
  return 3;
}

static int push_locked (lua_State *L, const struct wsm_manager *m) {
  lua_pushstring(L, m->error.detail);
  return 2;
}

static int push_nothing (lua_State *L, const struct wsm_manager *m) {
  (void)L;
  (void)m;
  return 1;
}

struct event {
  const char *name;
  int (*push)(lua_State *L, const struct wsm_manager *m);
};

/* In the order of enum wsm_event. */
static const struct event events[] = {
  { "", push_nothing },        { "target", push_attempt },
  { "request", push_nothing }, { "open", push_nothing },
  { "error", push_error },     { "close", push_close },
  { "verdict", push_verdict }, { "reconnecting", push_reconnecting },
  { "locked", push_locked },   { "exhausted", push_nothing },
  { "drain", push_nothing }
};

int wsm_link_lua_event (lua_State *L) {
  struct wsm_link *link = wsm_check_box(L, 1)->link;
  struct wsm_manager *m = wsm_link_manager(link);
  enum wsm_event which = wsm_manager_event(m);
  int n;
  if (which == WSM_EVENT_NONE) return 0;
  lua_pushstring(L, events[which].name);
  n = events[which].push(L, m);
  wsm_manager_event_pop(m);
  wsm_link_settle(link);
  return n;
}

/* --- statistics --- */

static void set_number (lua_State *L, const char *name, double n) {
  lua_pushnumber(L, (lua_Number)n);
  lua_setfield(L, -2, name);
}

static void set_count (lua_State *L, const char *name, uint64_t n) {
  lua_pushinteger(L, (lua_Integer)n);
  lua_setfield(L, -2, name);
}

static void set_tls (lua_State *L, const struct wsm_tls *tls) {
  if (!tls) return;
  lua_createtable(L, 0, 3);
  lua_pushstring(L, wsm_tls_version(tls));
  lua_setfield(L, -2, "version");
  lua_pushstring(L, wsm_tls_cipher(tls));
  lua_setfield(L, -2, "cipher");
  lua_pushboolean(L, wsm_tls_resumed(tls));
  lua_setfield(L, -2, "resumed");
  lua_setfield(L, -2, "tls");
}

static void set_address (lua_State *L, struct wsm_link *link) {
  char address[ADDRESS_SIZE];
  wsm_link_peer(link, address, sizeof address);
  lua_pushstring(L, address);
  lua_setfield(L, -2, "address");
}

int wsm_link_lua_stats (lua_State *L) {
  struct wsm_link *link = wsm_check_box(L, 1)->link;
  const struct wsm_manager *m = wsm_link_manager(link);
  const struct wsm_counters *c = &m->counters;
  lua_createtable(L, 0, 16);
  set_count(L, "messages_in", c->messages_in);
  set_count(L, "messages_out", c->messages_out);
  set_count(L, "bytes_in", c->bytes_in);
  set_count(L, "bytes_out", c->bytes_out);
  set_count(L, "dials", c->dials);
  set_count(L, "opens", c->opens);
  set_count(L, "resumed", c->resumed);
  set_count(L, "unsent", c->unsent);
  set_count(L, "failures", m->failures);
  set_count(L, "outbox", m->outbox.count);
  set_count(L, "unread", wsm_manager_unread(m));
  set_count(L, "buffered", wsm_manager_buffered(m));
  set_count(L, "pings", m->session.pings);
  set_count(L, "pongs", m->session.pongs);
  if (m->latency_ms >= 0)
    set_number(L, "latency", (double)m->latency_ms / 1000);
  set_address(L, link);
  set_tls(L, wsm_link_tls(link));
  return 1;
}

/* --- HTTP --- */

/* The peer's answer to our opening handshake, accepted or not. */
int wsm_link_lua_answer (lua_State *L) {
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

static int hex (int c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-encoded text, decoded; '+' is a space. */
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
  if (!h) return;
  lua_pushlstring(L, h->value.text, h->value.length);
  lua_setfield(L, -2, field);
}

/* Why it is no opening handshake: `status` and `why`; absent when it is one. */
static void set_examined (lua_State *L, const struct wsm_head *head) {
  struct wsm_error e;
  int status = wsm_handshake_check_request(head, &e);
  if (status == 0) return;
  set_count(L, "status", (uint64_t)status);
  lua_pushstring(L, e.detail);
  lua_setfield(L, -2, "why");
}

int wsm_link_lua_request (lua_State *L) {
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
  set_examined(L, &head);
  set_address(L, link);
  return 1;
}
