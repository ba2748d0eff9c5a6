#include "lua/lconnect.h"

#include <string.h>
#include "base/memory.h"
#include "link/migrate.h"
#include "lua/lcheck.h"
#include "lua/lconfig.h"
#include "lua/lloop.h"
#include "lua/ltls.h"
#include "proxy/proxy_url.h"
#include "base/hidden.h"

/* --- targets --- */

static void free_target (struct wsm_target *t) {
  wsm_free(t->url);
  wsm_free(t->protocols);
  wsm_free(t->headers);
  memset(t, 0, sizeof *t);
}

void wsm_box_clear (struct wsm_box *box) {
  free_target(&box->target);
  wsm_free(box->proxy);
  box->proxy = NULL;
  if (!box->policy) return;
  wsm_policy_free(box->policy);
  wsm_free(box->policy);
  box->policy = NULL;
}

static char *copy_text (lua_State *L, int i) {
  char *copy;
  if (lua_isnoneornil(L, i)) return NULL;
  copy = wsm_strdup(luaL_checkstring(L, i));
  if (!copy) luaL_error(L, "not enough memory");
  return copy;
}

/* The stack holds url, protocols, headers and whether a subprotocol is optional
** from i on. */
static void set_target (lua_State *L, struct wsm_box *box, int i) {
  struct wsm_target *t = &box->target;
  struct wsm_error e;
  size_t n;
  const char *url = luaL_checklstring(L, i, &n);
  struct wsm_url parts;
  if (!wsm_url_parse(&parts, url, n, &e)) luaL_error(L, "%s", e.detail);
  wsm_check_lines(L, i + 2);
  free_target(t);
  t->url = copy_text(L, i);
  t->protocols = copy_text(L, i + 1);
  t->headers = copy_text(L, i + 2);
  t->protocol_optional = lua_toboolean(L, i + 3);
  wsm_url_parse(&t->parts, t->url, n, &e);
}

/* Without `tls`, the default context, for wss or a redirect to it. */
static void set_default_tls (lua_State *L, struct wsm_box *box) {
  struct wsm_error e;
  struct wsm_tls_context *tls;
  const bool may_need = box->target.parts.secure || box->policy->redirects > 0;
  if (!may_need || wsm_link_is_secured(box->link)) return;
  tls = wsm_default_tls(L, &e);
  if (!tls) luaL_error(L, "%s", e.detail);
  wsm_link_secure(box->link, tls);
}

static struct wsm_request request_to (const struct wsm_target *t) {
  struct wsm_request request;
  memset(&request, 0, sizeof request);
  request.url = &t->parts;
  request.protocols = t->protocols;
  request.protocol_optional = t->protocol_optional;
  request.headers = t->headers;
  return request;
}

/* --- making one --- */

static void read_policy (lua_State *L, struct wsm_box *box) {
  struct wsm_policy policy;
  wsm_config_read(L, 2, &policy);
  box->policy = wsm_zalloc(sizeof policy);
  if (!box->policy || !wsm_policy_copy(box->policy, &policy))
    luaL_error(L, "not enough memory");
}

static void open_link (lua_State *L, struct wsm_box *box) {
  struct wsm_link_setup setup;
  struct wsm_error e;
  setup.policy = box->policy;
  lua_getfield(L, 2, "tls");
  setup.tls = lua_isnil(L, -1) ? NULL : wsm_check_tls(L, -1);
  lua_pop(L, 1);
  box->link = wsm_link_new(wsm_check_loop(L, 1), &setup, &e);
  if (!box->link) luaL_error(L, "%s", e.detail);
}

static struct wsm_tls_context *check_proxy_tls (lua_State *L, int i) {
  struct wsm_error e;
  struct wsm_tls_context *tls;
  if (!lua_isnil(L, i)) return wsm_check_tls(L, i);
  tls = wsm_default_tls(L, &e);
  if (!tls) luaL_error(L, "%s", e.detail);
  return tls;
}

/* "env" may name a proxy of any kind, https included. */
static void open_proxy (lua_State *L, struct wsm_box *box) {
  const int i = lua_gettop(L) + 1;
  struct wsm_tls_context *tls = NULL;
  struct wsm_proxy proxy;
  struct wsm_error e;
  bool named;
  lua_getfield(L, 2, "proxy");
  lua_getfield(L, 2, "proxytls");
  if (!lua_isnil(L, i)) {
    box->proxy = copy_text(L, i);
    named = strcmp(box->proxy, "env") != 0;
    if (named && !wsm_proxy_parse(&proxy, box->proxy, strlen(box->proxy), &e))
      luaL_error(L, "%s", e.detail);
    if (!named || proxy.kind == WSM_PROXY_HTTPS)
      tls = check_proxy_tls(L, i + 1);
    wsm_link_proxy(box->link, box->proxy, tls);
  }
  lua_settop(L, i - 1);
}

static void fix_target (lua_State *L, struct wsm_box *box) {
  struct wsm_request request;
  int i = lua_gettop(L) + 1;
  lua_getfield(L, 2, "url");
  lua_getfield(L, 2, "protocols");
  lua_getfield(L, 2, "headers");
  lua_getfield(L, 2, "protocol_optional");
  if (!lua_isnil(L, i)) {
    set_target(L, box, i);
    set_default_tls(L, box);
    request = request_to(&box->target);
    wsm_link_fix(box->link, &request);
  } else if (!box->policy->ask_target) {
    luaL_error(L, "a connection needs `url`");
  }
  lua_settop(L, i - 1);
}

int wsm_lua_connection (lua_State *L) {
  struct wsm_box *box;
  wsm_check_loop(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  box = wsm_push_box(L);
  read_policy(L, box);
  open_link(L, box);
  open_proxy(L, box);
  fix_target(L, box);
  return 1;
}

int wsm_lua_unfix (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  const struct wsm_target *t = &box->target;
  if (box->policy->ask_target) return 0;
  box->policy->ask_target = true;
  wsm_link_unfix(box->link);
  lua_pushstring(L, t->url);
  lua_pushstring(L, t->protocols);
  lua_pushstring(L, t->headers);
  lua_pushboolean(L, t->protocol_optional);
  return 4;
}

/* --- what the owner says --- */

/* The manager, where `ask` at i is the attempt under way, or nothing. */
static struct wsm_manager *asking (lua_State *L, int i) {
  struct wsm_manager *m = wsm_link_manager(wsm_check_box(L, 1)->link);
  if (lua_isnoneornil(L, i)) return m;
  return (lua_Number)m->asks == lua_tonumber(L, i) ? m : NULL;
}

/* The TLS context at i: none changes nothing, false is the default one. */
static void set_tls (lua_State *L, struct wsm_link *link, int i) {
  if (lua_isnoneornil(L, i)) return;
  wsm_link_secure(link, lua_toboolean(L, i) ? wsm_check_tls(L, i) : NULL);
}

/* link.target(ws, url, protocols, headers, optional, ask, tls) */
int wsm_lua_target (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  const struct wsm_manager *m = asking(L, 6);
  struct wsm_request request;
  if (!m || m->want != WSM_WANT_TARGET) return 0;
  lua_settop(L, 7);
  set_target(L, box, 2);
  set_tls(L, box->link, 7);
  set_default_tls(L, box);
  request = request_to(&box->target);
  wsm_link_target(box->link, &request);
  wsm_link_update(box->link);
  return 0;
}

/* link.lock(ws, why, ask) */
int wsm_lua_lock (lua_State *L) {
  struct wsm_manager *m = asking(L, 3);
  const char *why = luaL_optstring(L, 2, "there is no session");
  if (!m) return 0;
  wsm_manager_lock(m, why);
  wsm_link_update(wsm_check_box(L, 1)->link);
  return 0;
}

/* link.fail(ws, why, ask) */
int wsm_lua_fail_target (lua_State *L) {
  struct wsm_manager *m = asking(L, 3);
  struct wsm_link *link = wsm_check_box(L, 1)->link;
  struct wsm_error e;
  if (!m) return 0;
  wsm_error_set(&e, WSM_REFUSED, "%s", luaL_checkstring(L, 2));
  wsm_manager_fail_target(m, &e, wsm_link_now(link));
  wsm_link_update(link);
  return 0;
}

/* link.verdict(ws, again, delay, ask) */
int wsm_lua_verdict (lua_State *L) {
  struct wsm_manager *m = asking(L, 4);
  struct wsm_link *link = wsm_check_box(L, 1)->link;
  int64_t delay = lua_isnoneornil(L, 3) ? -1
                                        : (int64_t)wsm_check_ms(L, 3, "delay");
  if (!m) return 0;
  wsm_manager_verdict(m, lua_toboolean(L, 2), delay, wsm_link_now(link));
  wsm_link_update(link);
  return 0;
}

/* --- another in its place --- */

/* Without reconnecting, until it has taken the other's place; its target is asked
** for. */
static void copy_policy (lua_State *L, struct wsm_box *twin,
                         const struct wsm_box *box) {
  twin->policy = wsm_zalloc(sizeof *twin->policy);
  if (!twin->policy || !wsm_policy_copy(twin->policy, box->policy))
    luaL_error(L, "not enough memory");
  twin->policy->reconnect = false;
  twin->policy->ask_target = true;
  if (!box->proxy) return;
  twin->proxy = wsm_strdup(box->proxy);
  if (!twin->proxy) luaL_error(L, "not enough memory");
}

/* link.twin(ws, login) -> a client with the options of ws, not started, that asks for its
** target; login: is there a login */
int wsm_lua_twin (lua_State *L) {
  const struct wsm_box *box = wsm_check_box(L, 1);
  struct wsm_box *other;
  struct wsm_error e;
  if (!box->policy) return luaL_error(L, "a server's side cannot migrate");
  other = wsm_push_box(L);
  copy_policy(L, other, box);
  other->policy->ask_login = lua_toboolean(L, 2);
  other->link = wsm_link_twin(box->link, other->policy, other->proxy, &e);
  if (!other->link) return luaL_error(L, "%s", e.detail);
  return 1;
}

/* The target's URL, where it is the box's own, is there from now on. */
static void follow_target (const struct wsm_box *to,
                           const struct wsm_box *from) {
  struct wsm_manager *m = wsm_link_manager(to->link);
  if (m->request.url == &from->target.parts) m->request.url = &to->target.parts;
}

static void exchange (struct wsm_box *a, struct wsm_box *b) {
  const struct wsm_box copy = *a;
  a->link = b->link;
  a->target = b->target;
  a->policy = b->policy;
  a->proxy = b->proxy;
  b->link = copy.link;
  b->target = copy.target;
  b->policy = copy.policy;
  b->proxy = copy.proxy;
  follow_target(a, b);
  follow_target(b, a);
}

/* link.migrate(ws, other) -> true: other's connection, which is open, is that of ws, and
** other has the one before; nothing: it is not open any more */
int wsm_lua_migrate (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1), *other = wsm_check_box(L, 2);
  if (wsm_link_manager(other->link)->state != WSM_STATE_OPEN) return 0;
  if (!wsm_link_migrate(other->link, box->link))
    return luaL_error(L, "not enough memory");
  other->policy->reconnect = box->policy->reconnect;
  other->policy->ask_login = box->policy->ask_login;
  box->policy->reconnect = false;
  exchange(box, other);
  lua_pushboolean(L, 1);
  return 1;
}

/* link.forward(ws): what the connection before has received is for ws */
int wsm_lua_forward (lua_State *L) {
  wsm_link_forward(wsm_check_box(L, 1)->link);
  return 0;
}

/* link.renewlater(ws): the renewal that the event asked for failed */
int wsm_lua_renew_later (lua_State *L) {
  struct wsm_link *link = wsm_check_box(L, 1)->link;
  wsm_manager_renewal_failed(wsm_link_manager(link), wsm_link_now(link));
  wsm_link_update(link);
  return 0;
}

/* link.endmigration(ws, other) -> messages that were lost for want of memory or room */
int wsm_lua_end_migration (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)wsm_link_end_migration(
                       wsm_check_box(L, 1)->link, wsm_check_box(L, 2)->link));
  return 1;
}
