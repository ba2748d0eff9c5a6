#include "lua/protocol/spec_login.h"

#include "lua/protocol/spec_manager.h"
#include "base/hidden.h"

static struct wsm_manager *manager (lua_State *L) {
  return &wsm_check_manager_box(L)->manager;
}

static uint64_t check_number (lua_State *L, int i) {
  return (uint64_t)luaL_checknumber(L, i);
}

static struct wsm_message check_message (lua_State *L, int i) {
  struct wsm_message message;
  message.data =
    (const unsigned char *)luaL_checklstring(L, i, &message.length);
  message.binary = lua_toboolean(L, i + 1);
  return message;
}

/* m:login_done(epoch, now) */
int wsm_spec_login_done (lua_State *L) {
  wsm_manager_login_done(manager(L), check_number(L, 2), check_number(L, 3));
  return 0;
}

/* m:login_failed(epoch, { why, reason, code, final }, now) */
int wsm_spec_login_failed (lua_State *L) {
  struct wsm_manager *m = &wsm_check_manager_box(L)->manager;
  struct wsm_login_failure failure;
  lua_getfield(L, 3, "why");
  lua_getfield(L, 3, "reason");
  lua_getfield(L, 3, "code");
  lua_getfield(L, 3, "final");
  failure.why = luaL_checkstring(L, 5);
  failure.reason = luaL_optstring(L, 6, NULL);
  failure.code = (unsigned)luaL_optinteger(L, 7, 0);
  failure.final = lua_toboolean(L, 8);
  wsm_manager_login_failed(m, check_number(L, 2), &failure, check_number(L, 4));
  return 0;
}

/* m:login_send(epoch, data, binary, now or 0) -> as send */
int wsm_spec_login_send (lua_State *L) {
  const struct wsm_message message = check_message(L, 3);
  return wsm_push_sent(L,
                       wsm_login_send(manager(L), check_number(L, 2), &message,
                                      (uint64_t)luaL_optnumber(L, 5, 0)));
}

/* m:login_next(epoch, now) -> as next */
int wsm_spec_login_next (lua_State *L) {
  struct wsm_manager *m = &wsm_check_manager_box(L)->manager;
  struct wsm_message message;
  const enum wsm_input input =
    wsm_login_next(m, check_number(L, 2), &message, check_number(L, 3));
  const int n = wsm_push_input(L, input, &message);
  if (input == WSM_MESSAGE) wsm_login_pop(m, &message);
  return n;
}

/* m:give_back(epoch, data, binary) -> as send */
int wsm_spec_give_back (lua_State *L) {
  const struct wsm_message message = check_message(L, 3);
  return wsm_push_sent(
    L, wsm_login_give_back(manager(L), check_number(L, 2), &message));
}

/* m:login_over(): the owner was told of the end of a login's connection */
int wsm_spec_login_over (lua_State *L) {
  wsm_manager_login_over(manager(L));
  return 0;
}

/* m:release(): the owner's first messages were sent */
int wsm_spec_release (lua_State *L) {
  wsm_manager_release(manager(L), (uint64_t)luaL_optnumber(L, 2, 0));
  return 0;
}
