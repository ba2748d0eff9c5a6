#include "lua/lserver.h"

#include <string.h>
#include "lua/lbox.h"
#include "lua/lclass.h"
#include "lua/lconfig.h"
#include "lua/lfail.h"
#include "lua/lloop.h"
#include "lua/ltls.h"
#include "server/server.h"
#include "base/hidden.h"

#define SERVER "wsmanager.server"
#define BACKLOG 1024

struct box {
  struct wsm_server *server; /* NULL: closed */
};

struct wsm_server *wsm_check_server (lua_State *L, int i) {
  struct box *box = luaL_checkudata(L, i, SERVER);
  if (!box->server) luaL_error(L, "the server is closed");
  return box->server;
}

static struct wsm_server *check_server (lua_State *L) {
  return wsm_check_server(L, 1);
}

/* A string field of the table at 2; NULL: absent. It stays on the stack, which
** keeps the text alive. */
static const char *push_string (lua_State *L, const char *name) {
  lua_getfield(L, 2, name);
  if (lua_isnil(L, -1)) return NULL;
  if (lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "bad option '%s' (string expected, got %s)", name,
               luaL_typename(L, -1));
  return lua_tostring(L, -1);
}

static void read_setup (lua_State *L, struct wsm_server_setup *setup) {
  memset(setup, 0, sizeof *setup);
  setup->listener.host = push_string(L, "host");
  setup->listener.path = push_string(L, "path");
  setup->listener.port = (int)wsm_config_count(L, 2, "port", 0);
  setup->listener.backlog = (int)wsm_config_count(L, 2, "backlog", BACKLOG);
  setup->listener.inherited = (int)wsm_config_count(L, 2, "fd", 0);
  setup->connections = (uint32_t)wsm_config_count(L, 2, "connections", 0);
  if (setup->listener.port > 65535)
    luaL_error(L, "bad option 'port' (0 to 65535 expected)");
  lua_getfield(L, 2, "tls");
  if (!lua_isnil(L, -1)) setup->tls = wsm_check_tls(L, -1);
  lua_getfield(L, 2, "policy");
  wsm_config_read(L, lua_gettop(L), &setup->policy);
}

static int make (lua_State *L) {
  struct wsm_loop *loop = wsm_check_loop(L, 1);
  struct wsm_server_setup setup;
  struct box *box;
  struct wsm_error e;
  luaL_checktype(L, 2, LUA_TTABLE);
  read_setup(L, &setup);
  box = wsm_newuserdata(L, sizeof *box);
  box->server = NULL;
  luaL_setmetatable(L, SERVER);
  box->server = wsm_server_new(loop, &setup, &e);
  return box->server ? 1 : wsm_fail(L, &e);
}

/* A finalizer that the new box runs may close the server. None of a closed one. */
static int next (lua_State *L) {
  const struct box *self = luaL_checkudata(L, 1, SERVER);
  struct wsm_box *box = wsm_push_box(L);
  if (self->server) box->link = wsm_server_claim(self->server);
  return box->link ? 1 : 0;
}

static int id (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)wsm_server_handle(check_server(L))->id);
  return 1;
}

static int port (lua_State *L) {
  lua_pushinteger(L, wsm_server_port(check_server(L)));
  return 1;
}

static int count (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)wsm_server_count(check_server(L)));
  return 1;
}

static int broadcast (lua_State *L) {
  struct wsm_server *server = check_server(L);
  struct wsm_broadcast message;
  size_t full = 0;
  long sent;
  message.data = luaL_checklstring(L, 2, &message.length);
  message.opcode = lua_toboolean(L, 3) ? WSM_BINARY : WSM_TEXT;
  message.except = lua_isnoneornil(L, 4) ? NULL : wsm_check_box(L, 4)->link;
  if (message.opcode == WSM_TEXT &&
      !wsm_utf8_valid(message.data, message.length))
    return luaL_error(L, "bad argument #1 to 'broadcast' (text must be UTF-8; "
                         "send it as \"binary\")");
  sent = wsm_server_broadcast(server, &message, &full);
  if (sent < 0) return luaL_error(L, "not enough memory");
  lua_pushinteger(L, (lua_Integer)sent);
  lua_pushinteger(L, (lua_Integer)full);
  return 2;
}

static int stop (lua_State *L) {
  wsm_server_stop(check_server(L));
  return 0;
}

static int close_server (lua_State *L) {
  struct box *box = luaL_checkudata(L, 1, SERVER);
  struct wsm_server *server = box->server;
  box->server = NULL;
  if (server) wsm_server_release(server);
  return 0;
}

static const luaL_Reg methods[] = {
  { "next", next },           { "id", id },
  { "port", port },           { "count", count },
  { "broadcast", broadcast }, { "stop", stop },
  { "close", close_server },  { NULL, NULL }
};

/* inherited() -> how many descriptors there are, and the first */
static int inherited (lua_State *L) {
  lua_pushinteger(L, wsm_listener_inherited());
  lua_pushinteger(L, WSM_LISTENER_INHERITED);
  return 2;
}

/* listens(fd) -> true | nil, token, detail: before a loop takes its number */
static int listens (lua_State *L) {
  struct wsm_error e;
  if (!wsm_listener_can_adopt((int)luaL_checkinteger(L, 1), &e))
    return wsm_fail(L, &e);
  lua_pushboolean(L, true);
  return 1;
}

void wsm_set_inherited (lua_State *L) {
  lua_pushcfunction(L, listens);
  lua_setfield(L, -2, "listens");
  lua_pushcfunction(L, inherited);
  lua_setfield(L, -2, "inherited");
}

void wsm_push_server (lua_State *L) {
  static const struct wsm_class class = { SERVER, methods, close_server, make };
  wsm_push_class(L, &class);
}
