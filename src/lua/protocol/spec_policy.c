#include "lua/protocol/spec_policy.h"

#include <stddef.h>
#include <string.h>
#include "lua/lconfig.h"
#include "manager/attempts.h"
#include "websocket/close_code.h"
#include "base/hidden.h"

enum kind { KIND_U8, KIND_U32, KIND_U64, KIND_SIZE, KIND_DOUBLE, KIND_BOOL };

#define FIELD(name) #name, offsetof(struct wsm_policy, name)
#define HEARTBEAT(name) \
  "heartbeat_" #name, offsetof(struct wsm_policy, heartbeat.name)

static const struct option {
  const char *name;
  size_t offset;
  enum kind kind;
} options[] = { { FIELD(limits.message), KIND_U64 },
                { FIELD(limits.frame), KIND_U64 },
                { FIELD(limits.fragments), KIND_U32 },
                { FIELD(header_bytes), KIND_U64 },
                { FIELD(body_bytes), KIND_U64 },
                { FIELD(pages), KIND_BOOL },
                { HEARTBEAT(interval_ms), KIND_U32 },
                { HEARTBEAT(timeout_ms), KIND_U32 },
                { HEARTBEAT(silence_ms), KIND_U32 },
                { HEARTBEAT(jitter), KIND_DOUBLE },
                { HEARTBEAT(mode), KIND_U8 },
                { HEARTBEAT(ask), KIND_BOOL },
                { HEARTBEAT(ack), KIND_BOOL },
                { HEARTBEAT(binary), KIND_BOOL },
                { FIELD(reconnect), KIND_BOOL },
                { FIELD(delay_ms), KIND_U32 },
                { FIELD(max_delay_ms), KIND_U32 },
                { FIELD(pause_ms), KIND_U32 },
                { FIELD(after_ms), KIND_U32 },
                { FIELD(stable_ms), KIND_U32 },
                { FIELD(factor), KIND_DOUBLE },
                { FIELD(jitter), KIND_DOUBLE },
                { FIELD(budget), KIND_U32 },
                { FIELD(attempt_limit), KIND_U32 },
                { FIELD(attempt_per_ms), KIND_U32 },
                { FIELD(renews), KIND_BOOL },
                { FIELD(ask_ms), KIND_U32 },
                { FIELD(open_ms), KIND_U32 },
                { FIELD(login_ms), KIND_U32 },
                { FIELD(close_ms), KIND_U32 },
                { FIELD(outbox_messages), KIND_U32 },
                { FIELD(outbox_bytes), KIND_SIZE },
                { FIELD(inbox_bytes), KIND_SIZE },
                { FIELD(output_bytes), KIND_SIZE },
                { FIELD(ask_target), KIND_BOOL },
                { FIELD(ask_verdict), KIND_BOOL },
                { FIELD(ask_login), KIND_BOOL },
                { FIELD(ask_release), KIND_BOOL },
                { FIELD(compress), KIND_BOOL },
                { FIELD(compression.level), KIND_U8 },
                { FIELD(compression.window), KIND_U8 },
                { FIELD(compression.peer_window), KIND_U8 },
                { FIELD(compression.takeover), KIND_BOOL },
                { FIELD(compression.peer_takeover), KIND_BOOL },
                { FIELD(compression.threshold), KIND_U32 },
                { FIELD(inflate), KIND_BOOL },
                { FIELD(stream), KIND_BOOL },
                { FIELD(stream_limits.message), KIND_U64 },
                { FIELD(redirects), KIND_U32 },
                { FIELD(outbox_age_ms), KIND_U32 },
                { FIELD(outbox_drops_oldest), KIND_BOOL },
                { FIELD(unacknowledged_messages), KIND_U32 },
                { FIELD(unacknowledged_bytes), KIND_SIZE },
                { FIELD(dedupe_ids), KIND_U32 },
                { FIELD(rate_limit), KIND_U32 },
                { FIELD(rate_per_ms), KIND_U32 },
                { FIELD(rate_reserve), KIND_U32 },
                { FIELD(send_bytes), KIND_U64 } };

#define OPTIONS (sizeof options / sizeof *options)

static void store (struct wsm_policy *p, const struct option *o,
                   lua_Number number) {
  char *at = (char *)p + o->offset;
  const uint32_t u32 = number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
  const uint64_t u64 = number < 9e15 ? (uint64_t)number : UINT64_MAX;
  const size_t size = (size_t)u64;
  const double real = number;
  switch (o->kind) {
    case KIND_U8:
      *at = (char)u32;
      return;
    case KIND_U32:
      memcpy(at, &u32, sizeof u32);
      return;
    case KIND_U64:
      memcpy(at, &u64, sizeof u64);
      return;
    case KIND_SIZE:
      memcpy(at, &size, sizeof size);
      return;
    case KIND_DOUBLE:
      memcpy(at, &real, sizeof real);
      return;
    case KIND_BOOL:
      return;
  }
}

static void push_option (lua_State *L, const struct wsm_policy *p,
                         const struct option *o) {
  const char *at = (const char *)p + o->offset;
  uint32_t u32;
  uint64_t u64;
  size_t size;
  double real;
  bool truth;
  switch (o->kind) {
    case KIND_U8:
      lua_pushnumber(L, *at);
      return;
    case KIND_U32:
      memcpy(&u32, at, sizeof u32);
      lua_pushnumber(L, u32);
      return;
    case KIND_U64:
      memcpy(&u64, at, sizeof u64);
      lua_pushnumber(L, (lua_Number)u64);
      return;
    case KIND_SIZE:
      memcpy(&size, at, sizeof size);
      lua_pushnumber(L, (lua_Number)size);
      return;
    case KIND_DOUBLE:
      memcpy(&real, at, sizeof real);
      lua_pushnumber(L, real);
      return;
    case KIND_BOOL:
      memcpy(&truth, at, sizeof truth);
      lua_pushboolean(L, truth);
      return;
  }
}

/* The option on top of the stack, of the table at i. */
static void read_option (lua_State *L, struct wsm_policy *p,
                         const struct option *o) {
  const bool truth = lua_toboolean(L, -1);
  if (lua_isnil(L, -1)) return;
  if (o->kind == KIND_BOOL) memcpy((char *)p + o->offset, &truth, sizeof truth);
  else if (lua_type(L, -1) == LUA_TNUMBER) store(p, o, lua_tonumber(L, -1));
  else luaL_error(L, "option '%s' is a number", o->name);
}

void wsm_policy_read (lua_State *L, int i, struct wsm_policy *p) {
  size_t k;
  wsm_policy_defaults(p);
  for (k = 0; k < OPTIONS; k++) {
    lua_getfield(L, i, options[k].name);
    read_option(L, p, &options[k]);
    lua_pop(L, 1);
  }
  wsm_config_lists(L, i, p, 1);
}

/* defaults() -> table */
static int defaults (lua_State *L) {
  struct wsm_policy p;
  size_t k;
  wsm_policy_defaults(&p);
  lua_newtable(L);
  for (k = 0; k < OPTIONS; k++) {
    push_option(L, &p, &options[k]);
    lua_setfield(L, -2, options[k].name);
  }
  return 1;
}

/* delay(policy, attempt, chance) -> milliseconds */
static int delay (lua_State *L) {
  struct wsm_policy p;
  luaL_checktype(L, 1, LUA_TTABLE);
  wsm_policy_read(L, 1, &p);
  lua_pushnumber(L, wsm_attempts_delay(&p, (uint32_t)luaL_checkinteger(L, 2),
                                       luaL_checknumber(L, 3)));
  return 1;
}

static bool is_set (lua_State *L, const char *name) {
  bool truth;
  lua_getfield(L, 1, name);
  truth = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return truth;
}

/* retries{ code, status, final, locked, is_local, is_renewed, policy fields } ->
** boolean */
static int retries (lua_State *L) {
  struct wsm_ending ending;
  struct wsm_policy p;
  luaL_checktype(L, 1, LUA_TTABLE);
  wsm_policy_read(L, 1, &p);
  lua_getfield(L, 1, "status");
  ending.status = (unsigned)luaL_optinteger(L, -1, 0);
  lua_getfield(L, 1, "code");
  ending.code = (unsigned)luaL_optinteger(L, -1, WSM_ABNORMAL);
  ending.token = is_set(L, "locked") ? WSM_LOCKED : WSM_NONE;
  ending.final = is_set(L, "final");
  ending.local = is_set(L, "is_local");
  ending.renewed = is_set(L, "is_renewed");
  lua_pushboolean(L, wsm_attempts_may_follow(&p, &ending));
  return 1;
}

static const luaL_Reg functions[] = { { "defaults", defaults },
                                      { "delay", delay },
                                      { "retries", retries },
                                      { NULL, NULL } };

void wsm_push_policy (lua_State *L) {
  luaL_newlib(L, functions);
}
