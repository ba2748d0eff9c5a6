#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/keep_loaded.h"
#include "base/memory.h"
#include "fetch/multi.h"
#include "lua/lclass.h"
#include "lua/lfail.h"
#include "lua/lfield.h"
#include "lua/lguest.h"
#include "lua/lheaders.h"
#include "base/hidden.h"

#define MULTI "wsmanager.fetch.multi"
#define TRANSFER "wsmanager.fetch.transfer"

struct multi_box {
  struct wsm_multi *multi; /* NULL: closed */
};

struct transfer_box {
  struct wsm_transfer *transfer; /* NULL: over, and its result taken */
};

/* Where wsmanager.core says how to reach a loop. */
static const struct wsm_lua_guests *guests_of (lua_State *L) {
  const struct wsm_lua_guests *guests;
  lua_getfield(L, LUA_REGISTRYINDEX, WSM_GUESTS);
  guests = lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (!guests) luaL_error(L, "wsmanager.core is to be loaded first");
  return guests;
}

static struct wsm_multi *check_multi (lua_State *L) {
  const struct multi_box *box = luaL_checkudata(L, 1, MULTI);
  luaL_argcheck(L, box->multi, 1, "it is closed");
  return box->multi;
}

/* --- a request: the table at 4 --- */

/* The table holds the text while it is used. */
static struct wsm_span span_field (lua_State *L, int i, const char *name) {
  struct wsm_span s = { NULL, 0 };
  lua_getfield(L, i, name);
  if (!lua_isnil(L, -1)) s.text = luaL_checklstring(L, -1, &s.length);
  lua_pop(L, 1);
  return s;
}

/* NULL: absent. */
static const char *text_field (lua_State *L, int i, const char *name) {
  const struct wsm_span s = span_field(L, i, name);
  if (s.text && strlen(s.text) != s.length)
    luaL_error(L, "%s contains a zero byte", name);
  return s.text;
}

static bool flag_field (lua_State *L, int i, const char *name) {
  bool value;
  lua_getfield(L, i, name);
  value = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return value;
}

static lua_Number number_field (lua_State *L, int i, const char *name) {
  lua_Number value;
  lua_getfield(L, i, name);
  value = luaL_optnumber(L, -1, 0);
  lua_pop(L, 1);
  return value;
}

/* Seconds as milliseconds; 0: none. */
static long time_field (lua_State *L, int i, const char *name) {
  const lua_Number s = number_field(L, i, name);
  return s <= 0 ? 0 : s > 2e6 ? 2000000000L : (long)ceil(s * 1000);
}

static size_t size_field (lua_State *L, int i, const char *name) {
  const lua_Number n = number_field(L, i, name);
  return n > 1e15 ? SIZE_MAX / 8 : (size_t)n;
}

static void read_tls (lua_State *L, const char *name, struct wsm_fetch_tls *t) {
  int i;
  lua_getfield(L, 4, name);
  i = lua_gettop(L);
  if (lua_istable(L, i)) {
    t->ca = span_field(L, i, "ca");
    t->ca_file = text_field(L, i, "ca_file");
    t->ca_folder = text_field(L, i, "ca_folder");
    t->cert = span_field(L, i, "cert");
    t->key = span_field(L, i, "key");
    t->pin = text_field(L, i, "pin");
    t->unverified = flag_field(L, i, "unverified");
    t->tls13 = flag_field(L, i, "tls13");
  }
  lua_pop(L, 1);
}

static void read_request (lua_State *L, struct wsm_fetch_request *r) {
  memset(r, 0, sizeof *r);
  r->url = text_field(L, 4, "url");
  r->method = text_field(L, 4, "method");
  luaL_argcheck(L, r->url && r->method, 4, "no url, or no method");
  r->body = span_field(L, 4, "body");
  r->has_body = r->body.text != NULL;
  r->decode = flag_field(L, 4, "decode");
  r->head_limit = size_field(L, 4, "header");
  r->body_limit = size_field(L, 4, "limit");
  r->connect_ms = time_field(L, 4, "connect");
  r->timeout_ms = time_field(L, 4, "timeout");
  r->proxy = text_field(L, 4, "proxy");
  r->connect_to = text_field(L, 4, "connect_to");
  read_tls(L, "tls", &r->tls);
  read_tls(L, "proxy_tls", &r->proxy_tls);
}

/* The list `headers`. */
static bool add_headers (lua_State *L, struct wsm_transfer *t) {
  int i;
  bool added = true;
  lua_getfield(L, 4, "headers");
  luaL_checktype(L, -1, LUA_TTABLE);
  for (i = 1; added; i++) {
    lua_rawgeti(L, -1, i);
    if (lua_isnil(L, -1)) break;
    added = wsm_transfer_add_header(t, luaL_checkstring(L, -1));
    lua_pop(L, 1);
  }
  lua_settop(L, 5);
  return added && wsm_transfer_set_headers(t);
}

/* start(multi, loop, number, request) -> transfer | nil, token, detail */
static int start (lua_State *L) {
  struct wsm_multi *multi = check_multi(L);
  struct wsm_loop *loop = guests_of(L)->check_loop(L, 2);
  const double number = (double)luaL_checknumber(L, 3);
  struct wsm_fetch_request request;
  struct wsm_error e;
  struct transfer_box *box;
  luaL_checktype(L, 4, LUA_TTABLE);
  lua_settop(L, 4);
  read_request(L, &request);
  box = wsm_newuserdata(L, sizeof *box); /* 5 */
  box->transfer = NULL;
  luaL_setmetatable(L, TRANSFER);
  box->transfer = wsm_transfer_new(&request, &e);
  if (!box->transfer) return wsm_fail(L, &e);
  box->transfer->number = number;
  if (!add_headers(L, box->transfer)) return luaL_error(L, "not enough memory");
  if (!wsm_multi_start(multi, loop, box->transfer, &e)) return wsm_fail(L, &e);
  return 1;
}

/* --- a transfer --- */

static struct transfer_box *check_transfer (lua_State *L) {
  return luaL_checkudata(L, 1, TRANSFER);
}

static int cancel (lua_State *L) {
  struct transfer_box *box = check_transfer(L);
  struct wsm_transfer *t = box->transfer;
  box->transfer = NULL;
  if (!t) return 0;
  wsm_multi_remove(t);
  wsm_transfer_free(t);
  return 0;
}

/* "HTTP/1.1 200 OK": the status, and where the reason begins. */
static bool take_status (struct wsm_span *lines, struct wsm_head *head) {
  const char *end = memchr(lines->text, '\n', lines->length);
  struct wsm_span line = *lines;
  size_t i = 0;
  if (!end) return false;
  line.length = (size_t)(end - line.text);
  *lines = wsm_span_skip(*lines, line.length + 1);
  while (i < line.length && line.text[i] != ' ') i++;
  line = wsm_span_trim(wsm_span_skip(line, i));
  if (line.length < 3) return false;
  for (i = 0; i < 3; i++) {
    if (line.text[i] < '0' || line.text[i] > '9') return false;
    head->status = head->status * 10 + (line.text[i] - '0');
  }
  head->reason = wsm_span_trim(wsm_span_skip(line, 3));
  if (head->reason.length > 0 &&
      head->reason.text[head->reason.length - 1] == '\r')
    head->reason.length--;
  return true;
}

static bool read_head (const struct wsm_transfer *t, struct wsm_head *head,
                       struct wsm_error *e) {
  struct wsm_span lines;
  int taken = 1;
  lines.text = (const char *)wsm_buffer_bytes(&t->head);
  lines.length = wsm_buffer_length(&t->head);
  memset(head, 0, offsetof(struct wsm_head, headers));
  if (lines.length == 0 || !take_status(&lines, head) ||
      head->status != wsm_transfer_status(t)) {
    wsm_error_set(e, WSM_PROTOCOL, "the response has no status");
    return false;
  }
  while (taken == 1 && head->count < WSM_HEADERS_LIMIT) {
    taken = wsm_header_take(&lines, &head->headers[head->count], e);
    if (taken == 1) head->count++;
  }
  if (taken == 1)
    wsm_error_set(e, WSM_TOOBIG, "the response has more than %d headers",
                  WSM_HEADERS_LIMIT);
  if (taken < 0) e->token = WSM_PROTOCOL;
  return taken == 0 || taken == 2;
}

static int push_response (lua_State *L, struct wsm_transfer *t) {
  struct wsm_head head;
  struct wsm_error e;
  struct wsm_span body;
  if (!read_head(t, &head, &e)) return wsm_fail(L, &e);
  wsm_push_head(L, &head);
  wsm_set_string(L, "version", wsm_transfer_version(t));
  body.text = (const char *)wsm_buffer_bytes(&t->body);
  body.length = wsm_buffer_length(&t->body);
  wsm_set_span(L, "body", body);
  return 1;
}

/* result(transfer) -> { status, reason, version, headers, body } | nil, token,
** detail; once, after it has finished. It is freed then. */
static int result (lua_State *L) {
  struct transfer_box *box = check_transfer(L);
  struct wsm_transfer *t = box->transfer;
  int n;
  luaL_argcheck(L, t && t->finished, 1, "it is not finished, or was taken");
  n = t->error.token == WSM_NONE ? push_response(L, t) : wsm_fail(L, &t->error);
  (void)cancel(L);
  return n;
}

/* What it has done until now: bytes of the body received, and whether the head
** was. */
static int progress (lua_State *L) {
  const struct wsm_transfer *t = check_transfer(L)->transfer;
  lua_pushnumber(L, t ? (lua_Number)wsm_buffer_length(&t->body) : 0);
  lua_pushboolean(L, t && t->has_head);
  return 2;
}

static const luaL_Reg transfer_methods[] = { { "cancel", cancel },
                                             { "result", result },
                                             { "progress", progress },
                                             { NULL, NULL } };

/* --- a multi --- */

/* next(multi) -> the number of a transfer that has finished, or nil: then there is
** none */
static int next_finished (lua_State *L) {
  struct wsm_multi *multi = check_multi(L);
  const struct wsm_transfer *t = wsm_multi_next(multi);
  if (!t) return 0;
  lua_pushnumber(L, (lua_Number)t->number);
  return 1;
}

static int rest (lua_State *L) {
  wsm_multi_rest(check_multi(L));
  return 0;
}

static int id (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)wsm_multi_id(check_multi(L)));
  return 1;
}

static int close_multi (lua_State *L) {
  struct multi_box *box = luaL_checkudata(L, 1, MULTI);
  struct wsm_multi *multi = box->multi;
  box->multi = NULL;
  if (multi) wsm_multi_free(multi);
  return 0;
}

static const luaL_Reg multi_methods[] = { { "next", next_finished },
                                          { "rest", rest },
                                          { "id", id },
                                          { "close", close_multi },
                                          { NULL, NULL } };

/* open() -> multi | nil, token, detail */
static int open_multi (lua_State *L) {
  struct wsm_error e;
  struct multi_box *box = wsm_newuserdata(L, sizeof *box);
  box->multi = NULL;
  luaL_setmetatable(L, MULTI);
  box->multi = wsm_multi_new(guests_of(L)->table, &e);
  return box->multi ? 1 : wsm_fail(L, &e);
}

/* --- the module --- */

/* failmemory(calls): after that many more, every allocation of this module fails. For
** specs only. */
static int fail_memory (lua_State *L) {
  wsm_memory_fail((long)luaL_checknumber(L, 1));
  return 0;
}

static void check_version (lua_State *L) {
  if (guests_of(L)->table->version != WSM_GUEST_VERSION)
    luaL_error(L, "wsmanager.fetch.core and wsmanager.core are of different "
                  "versions of wsmanager: build or install both anew");
}

/* libcurl counts the calls, and they may come from any thread. */
static void start_curl (lua_State *L) {
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    luaL_error(L, "libcurl %s cannot be started",
               curl_version_info(CURLVERSION_NOW)->version);
}

#define EXPORT __attribute__((visibility("default")))

EXPORT int luaopen_wsmanager_fetch_core (lua_State *L);

int luaopen_wsmanager_fetch_core (lua_State *L) {
  static const struct wsm_class multi = { MULTI, multi_methods, close_multi,
                                          open_multi };
  static const struct wsm_class transfer = { TRANSFER, transfer_methods, cancel,
                                             start };
  check_version(L);
  wsm_keep_loaded();
  start_curl(L);
  lua_newtable(L);
  wsm_push_class(L, &multi);
  lua_setfield(L, -2, "open");
  wsm_push_class(L, &transfer);
  lua_setfield(L, -2, "start");
  lua_pushcfunction(L, fail_memory);
  lua_setfield(L, -2, "failmemory");
  wsm_set_string(L, "libcurl", curl_version_info(CURLVERSION_NOW)->version);
  return 1;
}
