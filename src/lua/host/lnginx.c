#include "lua/host/lnginx.h"

#include <stdint.h>
#include "io/bridge.h"
#include "io/nginx.h"
#include "lua/lclass.h"
#include "lua/lfail.h"
#include "lua/lloop.h"
#include "base/hidden.h"

#define NGINX "wsmanager.nginx"
#define BRIDGE "wsmanager.bridge"

/* NULL in both: closed. */
struct nginx_box {
  struct wsm_nginx *nginx;
};

struct bridge_box {
  struct wsm_bridge *bridge;
};

static struct wsm_loop *loop_with_fd (lua_State *L) {
  struct wsm_loop *loop = wsm_check_loop(L, 1);
  if (wsm_loop_fd(loop) < 0) luaL_error(L, "the loop has no descriptor");
  return loop;
}

/* --- in nginx's epoll --- */

/* nginx(loop, semaphore) -> watch | nil, token, detail: the semaphore's address is a
** number, as LuaJIT's pointers are below 2^47. */
static int new_nginx (lua_State *L) {
  struct wsm_loop *loop = loop_with_fd(L);
  const uintptr_t semaphore = (uintptr_t)luaL_checknumber(L, 2);
  struct nginx_box *box = wsm_newuserdata(L, sizeof *box);
  struct wsm_error e;
  box->nginx = NULL;
  luaL_setmetatable(L, NGINX);
  box->nginx = wsm_nginx_watch(loop, (void *)semaphore, &e);
  return box->nginx ? 1 : wsm_fail(L, &e);
}

static int close_nginx (lua_State *L) {
  struct nginx_box *box = luaL_checkudata(L, 1, NGINX);
  struct wsm_nginx *nginx = box->nginx;
  box->nginx = NULL;
  if (nginx) wsm_nginx_free(nginx);
  return 0;
}

/* shared() -> is this the Lua state of all of nginx's requests; nil: no nginx */
static int is_shared (lua_State *L) {
  lua_State *const state = wsm_nginx_shared_state();
  if (!state) return 0;
  lua_pushboolean(L, lua_topointer(state, LUA_REGISTRYINDEX) ==
                       lua_topointer(L, LUA_REGISTRYINDEX));
  return 1;
}

/* --- by a thread --- */

/* bridge(loop) -> bridge | nil, token, detail */
static int new_bridge (lua_State *L) {
  const int fd = wsm_loop_fd(loop_with_fd(L));
  struct bridge_box *box = wsm_newuserdata(L, sizeof *box);
  struct wsm_error e;
  box->bridge = NULL;
  luaL_setmetatable(L, BRIDGE);
  box->bridge = wsm_bridge_new(fd, &e);
  return box->bridge ? 1 : wsm_fail(L, &e);
}

static struct wsm_bridge *check_bridge (lua_State *L) {
  struct bridge_box *box = luaL_checkudata(L, 1, BRIDGE);
  if (!box->bridge) luaL_error(L, "the bridge is closed");
  return box->bridge;
}

static int port (lua_State *L) {
  lua_pushinteger(L, wsm_bridge_port(check_bridge(L)));
  return 1;
}

static int secret (lua_State *L) {
  const unsigned char *bytes = wsm_bridge_secret(check_bridge(L));
  lua_pushlstring(L, (const char *)bytes, WSM_BRIDGE_SECRET);
  return 1;
}

static int arm (lua_State *L) {
  wsm_bridge_arm(check_bridge(L));
  return 0;
}

static int close_bridge (lua_State *L) {
  struct bridge_box *box = luaL_checkudata(L, 1, BRIDGE);
  struct wsm_bridge *bridge = box->bridge;
  box->bridge = NULL;
  if (bridge) wsm_bridge_free(bridge);
  return 0;
}

void wsm_set_nginx (lua_State *L) {
  static const luaL_Reg nginx_methods[] = { { "close", close_nginx },
                                            { NULL, NULL } };
  static const luaL_Reg bridge_methods[] = { { "port", port },
                                             { "secret", secret },
                                             { "arm", arm },
                                             { "close", close_bridge },
                                             { NULL, NULL } };
  static const struct wsm_class nginx = { NGINX, nginx_methods, close_nginx,
                                          new_nginx };
  static const struct wsm_class bridge = { BRIDGE, bridge_methods, close_bridge,
                                           new_bridge };
  wsm_push_class(L, &nginx);
  lua_setfield(L, -2, "nginx");
  wsm_push_class(L, &bridge);
  lua_setfield(L, -2, "bridge");
  lua_pushcfunction(L, is_shared);
  lua_setfield(L, -2, "shared");
}
