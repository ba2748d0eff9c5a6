#include "lua/llogin.h"

#include <string.h>
#include "base/utf8.h"
#include "link/mask_keys.h"
#include "lua/lbox.h"
#include "lua/lfail.h"
#include "base/hidden.h"

#define CALLER 2 /* the level of who called the Lua method around a function */
#define OVER "the login is over"

static struct wsm_manager *manager_of (const struct wsm_box *box) {
  return wsm_link_manager(box->link);
}

static uint64_t check_epoch (lua_State *L) {
  return (uint64_t)luaL_checknumber(L, 2);
}

static int push_failure (lua_State *L, enum wsm_token token, const char *why) {
  lua_pushnil(L);
  lua_pushstring(L, wsm_token_name(token));
  lua_pushstring(L, why);
  return 3;
}

/* current(ws, epoch): is that login under way, or is something left for it? */
static int current (lua_State *L) {
  struct wsm_link *link = wsm_box_link(wsm_check_any_box(L, 1));
  const struct wsm_manager *m = link ? wsm_link_manager(link) : NULL;
  const uint64_t epoch = check_epoch(L);
  lua_pushboolean(L, m && wsm_login_is_current(m, epoch) &&
                       wsm_state_has_session(m));
  return 1;
}

static int done (lua_State *L) {
  struct wsm_link *link = wsm_box_link(wsm_check_any_box(L, 1));
  if (!link) return 0;
  wsm_manager_login_done(wsm_link_manager(link), check_epoch(L),
                         wsm_link_now(link));
  wsm_link_update(link);
  return 0;
}

/* failed(ws, epoch, why, final, code, reason) */
static int failed (lua_State *L) {
  struct wsm_link *link = wsm_box_link(wsm_check_any_box(L, 1));
  struct wsm_login_failure failure;
  if (!link) return 0;
  failure.why = luaL_checkstring(L, 3);
  failure.final = lua_toboolean(L, 4);
  failure.code = (unsigned)luaL_optinteger(L, 5, 0);
  failure.reason = luaL_optstring(L, 6, NULL);
  wsm_mask_keys_refill(wsm_link_manager(link)->keys, 1);
  wsm_manager_login_failed(wsm_link_manager(link), check_epoch(L), &failure,
                           wsm_link_now(link));
  wsm_link_update(link);
  return 0;
}

static int over (lua_State *L) {
  struct wsm_link *link = wsm_box_link(wsm_check_any_box(L, 1));
  if (link) wsm_manager_login_over(wsm_link_manager(link));
  return 0;
}

/* --- its messages --- */

/* data, kind | nothing: none yet | nil, "closed", why. The bytes are copied before
** the string is made: that may run a finalizer, and if one took the message, there
** is another. */
static int receive (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  const uint64_t epoch = check_epoch(L);
  struct wsm_message m, again;
  enum wsm_input input;
  while ((input = wsm_login_next(manager_of(box), epoch, &m,
                                 wsm_link_now(box->link))) == WSM_MESSAGE) {
    const uint64_t taken = manager_of(box)->login->taken;
    const size_t n = m.length;
    char *copy = lua_newuserdata(L, n + 1);
    struct wsm_manager *manager = manager_of(wsm_check_box(L, 1));
    if (wsm_login_next(manager, epoch, &again, wsm_link_now(box->link)) ==
          WSM_MESSAGE &&
        manager->login->taken == taken) {
      const bool binary = again.binary;
      if (n > 0) memcpy(copy, again.data, n);
      lua_pushlstring(L, copy, n);
      manager = manager_of(wsm_check_box(L, 1));
      if (wsm_login_is_current(manager, epoch) &&
          manager->login->taken == taken) {
        wsm_login_pop(manager, &again);
        wsm_link_update(box->link);
        lua_pushstring(L, binary ? "binary" : "text");
        return 2;
      }
    }
    lua_settop(L, 2);
  }
  wsm_link_update(box->link);
  return input == WSM_MORE ? 0 : push_failure(L, WSM_CLOSED, OVER);
}

/* The message at 3 and its kind at 4. Raises for text that is not UTF-8. */
static struct wsm_message check_message (lua_State *L, const char *method) {
  struct wsm_message message;
  message.data =
    (const unsigned char *)luaL_checklstring(L, 3, &message.length);
  message.binary = strcmp(luaL_optstring(L, 4, "text"), "binary") == 0;
  if (!message.binary && !wsm_utf8_valid(message.data, message.length)) {
    lua_pushfstring(L,
                    "bad argument #1 to '%s' (text must be UTF-8; send it as "
                    "\"binary\")",
                    method);
    wsm_misuse(L, CALLER, lua_tostring(L, -1));
  }
  return message;
}

/* true | nil, "full" or "closed", why */
static int push_sent (lua_State *L, enum wsm_sent sent, const char *full) {
  if (sent == WSM_SEND_FULL) return push_failure(L, WSM_FULL, full);
  if (sent == WSM_SEND_CLOSED) return push_failure(L, WSM_CLOSED, OVER);
  if (sent == WSM_SEND_TOOBIG)
    return push_failure(L, WSM_TOOBIG,
                        "the message is larger than limits.send: it was not "
                        "sent");
  lua_pushboolean(L, 1);
  return 1;
}

static int send (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  const struct wsm_message message = check_message(L, "send");
  enum wsm_sent sent;
  wsm_mask_keys_refill(manager_of(box)->keys, 1);
  sent = wsm_login_send(manager_of(box), check_epoch(L), &message,
                        wsm_link_now(box->link));
  wsm_link_update(box->link);
  return push_sent(L, sent, "the peer reads too slowly: the output is full");
}

static int give_back (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  const struct wsm_message message = check_message(L, "giveback");
  return push_sent(
    L, wsm_login_give_back(manager_of(box), check_epoch(L), &message),
    "the inbox is full: nobody takes what was given back");
}

static int ping (lua_State *L) {
  struct wsm_box *box = wsm_check_box(L, 1);
  struct wsm_manager *m = manager_of(box);
  size_t n;
  const char *payload = luaL_optlstring(L, 3, "", &n);
  if (n > WSM_CONTROL_LIMIT)
    return wsm_misuse(L, CALLER,
                      "a ping carries at most 125 bytes (RFC 6455 5.5)");
  if (m->state != WSM_STATE_LOGIN || !wsm_login_is_current(m, check_epoch(L)))
    return push_failure(L, WSM_CLOSED, OVER);
  wsm_mask_keys_refill(m->keys, 1);
  if (!wsm_manager_ping(m, payload, n))
    return luaL_error(L, "not enough memory");
  wsm_link_update(box->link);
  lua_pushboolean(L, 1);
  return 1;
}

/* --- when it is open --- */

static int release (lua_State *L) {
  struct wsm_link *link = wsm_box_link(wsm_check_any_box(L, 1));
  if (!link) return 0;
  wsm_mask_keys_refill(wsm_link_manager(link)->keys,
                       wsm_manager_masks(wsm_link_manager(link)));
  wsm_manager_release(wsm_link_manager(link), wsm_link_now(link));
  wsm_link_update(link);
  return 0;
}

/* hold(ws, all): until release, is what is sent for the outbox? */
static int hold (lua_State *L) {
  struct wsm_link *link = wsm_box_link(wsm_check_any_box(L, 1));
  if (link) wsm_manager_hold(wsm_link_manager(link), lua_toboolean(L, 2));
  return 0;
}

static const luaL_Reg functions[] = { { "logincurrent", current },
                                      { "logindone", done },
                                      { "loginfailed", failed },
                                      { "loginover", over },
                                      { "loginreceive", receive },
                                      { "loginsend", send },
                                      { "logingiveback", give_back },
                                      { "loginping", ping },
                                      { "release", release },
                                      { "hold", hold },
                                      { NULL, NULL } };

void wsm_set_login (lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
