#include "lua/lconfig.h"

#include <math.h>
#include <string.h>
#include "base/utf8.h"
#include "base/hidden.h"

#define MAX_SECONDS 4000000.0 /* 46 days: what 32 bits of ms hold */

static void fail_option (lua_State *L, const char *name, const char *expected) {
  luaL_error(L, "bad option '%s' (%s expected, got %s)", name, expected,
             luaL_typename(L, -1));
}

uint32_t wsm_check_ms (lua_State *L, int i, const char *name) {
  lua_Number seconds = lua_tonumber(L, i);
  if (lua_type(L, i) != LUA_TNUMBER || !(seconds >= 0)) {
    lua_pushvalue(L, i);
    fail_option(L, name, "seconds, not negative,");
  }
  if (seconds > MAX_SECONDS) seconds = MAX_SECONDS;
  return (uint32_t)ceil(seconds * 1000);
}

/* Pushes the field. false, and nothing pushed: it is nil. */
static bool push_option (lua_State *L, int i, const char *name) {
  lua_getfield(L, i, name);
  if (!lua_isnil(L, -1)) return true;
  lua_pop(L, 1);
  return false;
}

/* `false` switches off: 0. */
static void seconds (lua_State *L, int i, const char *name, uint32_t *ms) {
  if (!push_option(L, i, name)) return;
  if (lua_isboolean(L, -1) && !lua_toboolean(L, -1)) *ms = 0;
  else *ms = wsm_check_ms(L, lua_gettop(L), name);
  lua_pop(L, 1);
}

static void number (lua_State *L, int i, const char *name, double *to) {
  if (!push_option(L, i, name)) return;
  if (lua_type(L, -1) != LUA_TNUMBER || !(lua_tonumber(L, -1) >= 0))
    fail_option(L, name, "number, not negative,");
  *to = lua_tonumber(L, -1);
  lua_pop(L, 1);
}

lua_Number wsm_config_count (lua_State *L, int i, const char *name,
                             lua_Number absent) {
  lua_Number value;
  if (!push_option(L, i, name)) return absent;
  value = lua_tonumber(L, -1);
  if (lua_type(L, -1) != LUA_TNUMBER || !(value >= 0) ||
      value != floor(value) || value > 9e15)
    fail_option(L, name, "whole number, not negative,");
  lua_pop(L, 1);
  return value;
}

/* false: absent. The default is not passed through a lua_Number, which may not
** hold it. */
static bool count (lua_State *L, int i, const char *name, lua_Number *n) {
  *n = wsm_config_count(L, i, name, -1);
  return *n >= 0;
}

static void count32 (lua_State *L, int i, const char *name, uint32_t *to) {
  lua_Number n;
  if (count(L, i, name, &n)) *to = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static void count64 (lua_State *L, int i, const char *name, uint64_t *to) {
  lua_Number n;
  if (count(L, i, name, &n)) *to = (uint64_t)n;
}

static void size (lua_State *L, int i, const char *name, size_t *to) {
  lua_Number n;
  if (count(L, i, name, &n)) *to = (size_t)n;
}

static void flag (lua_State *L, int i, const char *name, bool *to) {
  if (!push_option(L, i, name)) return;
  *to = lua_toboolean(L, -1);
  lua_pop(L, 1);
}

/* Pushes the table of a group of options. false: it is absent, or *off: `false`. */
static bool push_group (lua_State *L, int i, const char *name, bool *off) {
  *off = false;
  if (!push_option(L, i, name)) return false;
  if (lua_istable(L, -1)) return true;
  if (!lua_isboolean(L, -1) || lua_toboolean(L, -1))
    fail_option(L, name, "table or false");
  lua_pop(L, 1);
  *off = true;
  return false;
}

/* RFC 6455 5.6: a text message is UTF-8. The table at i holds the text. */
static void heartbeat_message (lua_State *L, int i,
                               struct wsm_heartbeat_rules *r) {
  if (push_option(L, i, "kind")) {
    const char *kind = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1)
                                                      : "";
    r->binary = strcmp(kind, "binary") == 0;
    if (!r->binary && strcmp(kind, "text") != 0)
      fail_option(L, "heartbeat.kind", "'text' or 'binary'");
    lua_pop(L, 1);
  }
  if (!push_option(L, i, "message")) return;
  r->ask = lua_isfunction(L, -1);
  r->message = NULL;
  if (!r->ask && lua_toboolean(L, -1)) {
    if (lua_type(L, -1) != LUA_TSTRING)
      fail_option(L, "heartbeat.message", "string, function or false");
    r->message = lua_tolstring(L, -1, &r->length);
  }
  if (r->message && !r->binary &&
      !wsm_utf8_valid((const unsigned char *)r->message, r->length))
    luaL_error(L, "bad option 'heartbeat.message' (text must be UTF-8; add "
                  "kind = \"binary\")");
  lua_pop(L, 1);
}

static void heartbeat_mode (lua_State *L, int i,
                            struct wsm_heartbeat_rules *r) {
  static const char *const names[] = {
    [WSM_HEARTBEAT_EITHER] = "either",
    [WSM_HEARTBEAT_RECEIVED] = "received",
    [WSM_HEARTBEAT_SENT] = "sent",
    [WSM_HEARTBEAT_ALWAYS] = "always",
  };
  const char *name;
  uint8_t mode = 0;
  if (!push_option(L, i, "mode")) return;
  name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  while (mode < sizeof names / sizeof *names && strcmp(names[mode], name) != 0)
    mode++;
  if (mode == sizeof names / sizeof *names)
    fail_option(L, "heartbeat.mode",
                "'either', 'received', 'sent' or 'always'");
  r->mode = mode;
  lua_pop(L, 1);
}

void wsm_config_heartbeat (lua_State *L, int i, struct wsm_heartbeat_rules *r) {
  seconds(L, i, "interval", &r->interval_ms);
  seconds(L, i, "timeout", &r->timeout_ms);
  seconds(L, i, "silence", &r->silence_ms);
  number(L, i, "jitter", &r->jitter);
  heartbeat_mode(L, i, r);
  flag(L, i, "ack", &r->ack);
  heartbeat_message(L, i, r);
}

void wsm_config_no_heartbeat (struct wsm_heartbeat_rules *r) {
  memset(r, 0, sizeof *r);
}

static void heartbeat (lua_State *L, int i, struct wsm_policy *p) {
  bool off;
  if (push_group(L, i, "heartbeat", &off)) {
    wsm_config_heartbeat(L, lua_gettop(L), &p->heartbeat);
    lua_pop(L, 1);
  } else if (off) {
    wsm_config_no_heartbeat(&p->heartbeat);
  }
}

static uint32_t list_length (lua_State *L, const char *name, size_t limit) {
  const size_t n = (size_t)lua_rawlen(L, -1);
  if (n == 0 || n > limit)
    luaL_error(L, "bad option 'reconnect.%s' (a list of 1 to %d expected)",
               name, (int)limit);
  return (uint32_t)n;
}

/* Element k, from 0, of the list on top of the stack. */
static lua_Number element (lua_State *L, const char *name, uint32_t k,
                           lua_Number max) {
  lua_Number value;
  lua_rawgeti(L, -1, (int)k + 1);
  value = lua_tonumber(L, -1);
  if (lua_type(L, -1) != LUA_TNUMBER || !(value >= 0 && value <= max))
    luaL_error(L, "bad option 'reconnect.%s' (number %d of the list is none)",
               name, (int)k + 1);
  lua_pop(L, 1);
  return value;
}

static void delays (lua_State *L, struct wsm_retry_lists *lists,
                    double unit_ms) {
  uint32_t k;
  lists->delays = list_length(L, "delay", WSM_DELAYS_LIMIT);
  for (k = 0; k < lists->delays; k++)
    lists->delays_ms[k] =
      (uint32_t)ceil(element(L, "delay", k, MAX_SECONDS) * unit_ms);
}

static void never (lua_State *L, struct wsm_retry_lists *lists) {
  uint32_t k;
  lists->nevers = list_length(L, "never", WSM_NEVER_LIMIT);
  for (k = 0; k < lists->nevers; k++)
    lists->never[k] = (uint16_t)element(L, "never", k, UINT16_MAX);
}

void wsm_config_lists (lua_State *L, int i, struct wsm_policy *p,
                       double unit_ms) {
  const int top = lua_gettop(L);
  struct wsm_retry_lists *lists;
  lua_getfield(L, i, "delays");
  lua_getfield(L, i, "never");
  if (lua_istable(L, top + 1) || lua_istable(L, top + 2)) {
    lists = lua_newuserdata(L, sizeof *lists);
    memset(lists, 0, sizeof *lists);
    lua_setfield(L, i, "lists");
    if (lua_istable(L, -1)) never(L, lists);
    lua_settop(L, top + 1);
    if (lua_istable(L, -1)) delays(L, lists, unit_ms);
    p->lists = lists;
  }
  lua_settop(L, top);
}

/* reconnect.rate = { n, per = seconds } */
static void attempt_rate (lua_State *L, int i, struct wsm_policy *p) {
  if (!push_option(L, i, "rate")) return;
  if (!lua_istable(L, -1)) fail_option(L, "reconnect.rate", "table");
  lua_rawgeti(L, -1, 1);
  if (!(lua_tonumber(L, -1) >= 1 && lua_tonumber(L, -1) <= WSM_ATTEMPTS_LIMIT))
    luaL_error(L, "bad option 'reconnect.rate' (1 to %d attempts expected)",
               (int)WSM_ATTEMPTS_LIMIT);
  p->attempt_limit = (uint32_t)lua_tonumber(L, -1);
  lua_pop(L, 1);
  seconds(L, lua_gettop(L), "per", &p->attempt_per_ms);
  lua_pop(L, 1);
}

static void reconnect (lua_State *L, int i, struct wsm_policy *p) {
  bool off;
  int t;
  if (!push_group(L, i, "reconnect", &off)) {
    if (off) p->reconnect = false;
    return;
  }
  t = lua_gettop(L);
  seconds(L, t, "delay", &p->delay_ms);
  if (p->delay_ms > p->max_delay_ms) p->max_delay_ms = p->delay_ms;
  seconds(L, t, "max_delay", &p->max_delay_ms);
  seconds(L, t, "pause", &p->pause_ms);
  seconds(L, t, "after", &p->after_ms);
  seconds(L, t, "stable", &p->stable_ms);
  number(L, t, "factor", &p->factor);
  number(L, t, "jitter", &p->jitter);
  wsm_config_lists(L, t, p, 1000);
  attempt_rate(L, t, p);
  if (push_option(L, t, "limit")) {
    bool unlimited = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
    lua_pop(L, 1);
    if (unlimited) p->budget = WSM_UNBOUNDED;
    else count32(L, t, "limit", &p->budget);
  }
  lua_pop(L, 1);
}

static void timeouts (lua_State *L, int i, struct wsm_policy *p) {
  bool off;
  if (!push_group(L, i, "timeouts", &off)) return;
  seconds(L, lua_gettop(L), "open", &p->open_ms);
  seconds(L, lua_gettop(L), "login", &p->login_ms);
  seconds(L, lua_gettop(L), "close", &p->close_ms);
  seconds(L, lua_gettop(L), "ask", &p->ask_ms);
  lua_pop(L, 1);
}

static void outbox (lua_State *L, int i, struct wsm_policy *p) {
  bool off;
  if (push_group(L, i, "outbox", &off)) {
    count32(L, lua_gettop(L), "messages", &p->outbox_messages);
    size(L, lua_gettop(L), "bytes", &p->outbox_bytes);
    seconds(L, lua_gettop(L), "age", &p->outbox_age_ms);
    flag(L, lua_gettop(L), "oldest", &p->outbox_drops_oldest);
    p->unacknowledged_messages = p->outbox_messages;
    p->unacknowledged_bytes = p->outbox_bytes;
    if (p->dedupe_ids < p->outbox_messages) p->dedupe_ids = p->outbox_messages;
    lua_pop(L, 1);
  } else if (off) {
    p->outbox_messages = 0;
  }
}

/* { limit, per = , reserve = }: the Lua layer calls the first one `limit`. */
static void rate (lua_State *L, int i, struct wsm_policy *p) {
  bool off;
  if (!push_group(L, i, "rate", &off)) return;
  count32(L, lua_gettop(L), "limit", &p->rate_limit);
  seconds(L, lua_gettop(L), "per", &p->rate_per_ms);
  count32(L, lua_gettop(L), "reserve", &p->rate_reserve);
  lua_pop(L, 1);
}

static void limits (lua_State *L, int i, struct wsm_policy *p) {
  bool off;
  int t;
  if (!push_group(L, i, "limits", &off)) return;
  t = lua_gettop(L);
  count64(L, t, "message", &p->limits.message);
  count64(L, t, "frame", &p->limits.frame);
  count32(L, t, "fragments", &p->limits.fragments);
  count64(L, t, "send", &p->send_bytes);
  count64(L, t, "header", &p->header_bytes);
  count64(L, t, "body", &p->body_bytes);
  seconds(L, t, "handshake", &p->open_ms);
  lua_pop(L, 1);
}

static void bits (lua_State *L, int i, const char *name, uint8_t *to) {
  const lua_Number n = wsm_config_count(L, i, name, *to);
  if (n < 9 || n > 15)
    luaL_error(L, "bad option '%s' (9 to 15 expected)", name);
  *to = (uint8_t)n;
}

void wsm_config_compression (lua_State *L, int i, struct wsm_compression *c) {
  struct wsm_policy defaults;
  lua_Number level;
  wsm_policy_defaults(&defaults);
  *c = defaults.compression;
  if (!lua_istable(L, i)) return;
  level = wsm_config_count(L, i, "level", c->level);
  if (level > 9) luaL_error(L, "bad option 'level' (0 to 9 expected)");
  c->level = (uint8_t)level;
  bits(L, i, "window", &c->window);
  bits(L, i, "peer_window", &c->peer_window);
  flag(L, i, "takeover", &c->takeover);
  flag(L, i, "peer_takeover", &c->peer_takeover);
  count32(L, i, "threshold", &c->threshold);
}

static void compress (lua_State *L, int i, struct wsm_policy *p) {
  if (!push_option(L, i, "compress")) return;
  if (!lua_istable(L, -1) && !lua_isboolean(L, -1))
    fail_option(L, "compress", "boolean or table");
  p->compress = lua_toboolean(L, -1);
  wsm_config_compression(L, lua_gettop(L), &p->compression);
  lua_pop(L, 1);
}

/* A message in parts takes no memory: it has the limits that were given. Those of a
** login are whole. */
static void stream (lua_State *L, int i, struct wsm_policy *p) {
  struct wsm_policy defaults;
  bool off;
  flag(L, i, "stream", &p->stream);
  if (!p->stream) return;
  wsm_policy_defaults(&defaults);
  if (push_group(L, i, "limits", &off)) {
    const int t = lua_gettop(L);
    count64(L, t, "message", &p->stream_limits.message);
    count64(L, t, "frame", &p->stream_limits.frame);
    count32(L, t, "fragments", &p->stream_limits.fragments);
    lua_pop(L, 1);
  }
  if (p->limits.message > defaults.limits.message)
    p->limits.message = defaults.limits.message;
  if (p->limits.frame > p->limits.message) p->limits.frame = UINT64_MAX;
}

/* The one kind there is: "zlib-stream". */
static void inflate (lua_State *L, int i, struct wsm_policy *p) {
  if (!push_option(L, i, "inflate")) return;
  p->inflate = lua_type(L, -1) == LUA_TSTRING &&
               strcmp(lua_tostring(L, -1), "zlib-stream") == 0;
  if (!p->inflate) fail_option(L, "inflate", "'zlib-stream'");
  lua_pop(L, 1);
}

void wsm_config_read (lua_State *L, int i, struct wsm_policy *p) {
  struct wsm_error e;
  wsm_policy_defaults(p);
  if (lua_isnoneornil(L, i)) return;
  luaL_checktype(L, i, LUA_TTABLE);
  heartbeat(L, i, p);
  reconnect(L, i, p);
  timeouts(L, i, p);
  outbox(L, i, p);
  rate(L, i, p);
  limits(L, i, p);
  compress(L, i, p);
  inflate(L, i, p);
  stream(L, i, p);
  size(L, i, "inbox", &p->inbox_bytes);
  size(L, i, "buffer", &p->output_bytes);
  count32(L, i, "redirects", &p->redirects);
  flag(L, i, "pages", &p->pages);
  flag(L, i, "target", &p->ask_target);
  flag(L, i, "verdict", &p->ask_verdict);
  flag(L, i, "login", &p->ask_login);
  flag(L, i, "release", &p->ask_release);
  flag(L, i, "renews", &p->renews);
  if (!wsm_policy_check(p, &e)) luaL_error(L, "%s", e.detail);
}
