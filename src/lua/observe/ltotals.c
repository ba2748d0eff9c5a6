#include "lua/observe/ltotals.h"

#include <string.h>
#include "base/memory.h"
#include "link/survey.h"
#include "lua/lfield.h"
#include "lua/lloop.h"
#include "lua/lstate.h"
#include "base/hidden.h"

/* A number is exact up to 2^53 in every Lua; an integer may have 32 bits. */
static void set (lua_State *L, const char *key, uint64_t n) {
  wsm_set_number(L, key, (double)n);
}

static void push_counters (lua_State *L, const struct wsm_counters *c) {
  lua_createtable(L, 0, 18);
  set(L, "messages_in", c->messages_in);
  set(L, "messages_out", c->messages_out);
  set(L, "binary_in", c->binary_in);
  set(L, "binary_out", c->binary_out);
  set(L, "payload_in", c->payload_in);
  set(L, "payload_out", c->payload_out);
  set(L, "bytes_in", c->bytes_in);
  set(L, "bytes_out", c->bytes_out);
  set(L, "attempts", c->attempts);
  set(L, "opens", c->opens);
  set(L, "reconnects", c->reconnects);
  set(L, "resumed", c->resumed);
  set(L, "unread", c->unread);
  set(L, "uncertain", c->uncertain);
  set(L, "heartbeats", c->heartbeats);
  set(L, "timeouts", c->timeouts);
  set(L, "pauses", c->pauses);
}

/* Those of tokens, by name; WSM_NONE by the name `none`, NULL: it cannot be. */
static void push_tokens (lua_State *L, const uint64_t *counts,
                         const char *none) {
  int i;
  lua_createtable(L, 0, WSM_TOKENS);
  if (none) set(L, none, counts[WSM_NONE]);
  for (i = WSM_NONE + 1; i < WSM_TOKENS; i++)
    if (counts[i]) set(L, wsm_token_name((enum wsm_token)i), counts[i]);
}

/* By class: how many we ended, and how many the peer. */
static void push_closed (lua_State *L, const struct wsm_totals *t) {
  static const char *const names[WSM_CLOSE_CLASSES] = {
    "normal", "going_away", "protocol", "policy",     "too_big",
    "error",  "no_status",  "abnormal", "application"
  };
  int i;
  lua_createtable(L, 0, WSM_CLOSE_CLASSES);
  for (i = 0; i < WSM_CLOSE_CLASSES; i++) {
    lua_createtable(L, 0, WSM_INITIATORS);
    set(L, "local", t->closed[i][WSM_LOCAL]);
    set(L, "remote", t->closed[i][WSM_REMOTE]);
    lua_setfield(L, -2, names[i]);
  }
}

/* { sum, count, bounds = { seconds }, buckets = { so many up to it } } */
static void push_histogram (lua_State *L, const struct wsm_histogram *h,
                            const struct wsm_bounds *b) {
  uint64_t so_far = 0;
  uint32_t i;
  lua_createtable(L, 0, 4);
  wsm_set_number(L, "sum", h->sum / b->per_second);
  set(L, "count", h->count);
  lua_createtable(L, (int)b->count, 0);
  lua_createtable(L, (int)b->count, 0);
  for (i = 0; i < b->count; i++) {
    so_far += h->buckets[i];
    lua_pushnumber(L, (lua_Number)b->at[i] / b->per_second);
    lua_rawseti(L, -3, (int)i + 1);
    lua_pushnumber(L, (lua_Number)so_far);
    lua_rawseti(L, -2, (int)i + 1);
  }
  lua_setfield(L, -3, "buckets");
  lua_setfield(L, -2, "bounds");
}

/* A login's connection is still connecting to everybody else. */
static void push_states (lua_State *L, const uint64_t *states) {
  int i;
  lua_createtable(L, 0, WSM_STATE_EXHAUSTED);
  set(L, "connecting", states[WSM_STATE_CONNECTING] + states[WSM_STATE_LOGIN]);
  for (i = WSM_STATE_OPEN; i <= WSM_STATE_EXHAUSTED; i++)
    set(L, wsm_state_name((unsigned)i), states[i]);
}

static void push_sums (lua_State *L, const struct wsm_survey *s) {
  const struct wsm_totals *t = &s->totals;
  push_counters(L, &s->counters);
  set(L, "handshakes", t->handshakes);
  set(L, "logins_failed", t->logins_failed);
  set(L, "buffered", s->buffered);
  set(L, "waiting", s->unread);
  set(L, "outbox", s->outbox);
  set(L, "unacknowledged", s->unacknowledged);
  set(L, "full", s->full);
  set(L, "paused", s->paused);
  push_states(L, s->states);
  lua_setfield(L, -2, "states");
  push_closed(L, t);
  lua_setfield(L, -2, "closed");
  push_tokens(L, t->failed, "rejected");
  lua_setfield(L, -2, "failed");
  push_tokens(L, t->dropped, NULL);
  lua_setfield(L, -2, "dropped");
  push_tokens(L, t->violated, NULL);
  lua_setfield(L, -2, "violated");
  push_histogram(L, &t->round_trip, &wsm_round_trip_bounds);
  lua_setfield(L, -2, "round_trip");
  push_histogram(L, &t->duration, &wsm_duration_bounds);
  lua_setfield(L, -2, "duration");
  push_histogram(L, &t->broadcast, &wsm_broadcast_bounds);
  lua_setfield(L, -2, "broadcast");
}

/* totals(loop) -> those of clients, those of servers' connections. Both are read
** before anything is pushed: a finalizer may turn the loop. */
static int totals (lua_State *L) {
  struct wsm_loop *loop = wsm_check_loop(L, 1);
  struct wsm_survey clients, servers;
  if (!wsm_survey_sum(loop, WSM_CLIENT, &clients) ||
      !wsm_survey_sum(loop, WSM_SERVER, &servers))
    return luaL_error(L, "not enough memory");
  push_sums(L, &clients);
  push_sums(L, &servers);
  return 2;
}

static const char *const keys[WSM_SURVEY_KEYS + 1] = {
  "age",          "buffered", "unread",    "messages_in",
  "messages_out", "bytes_in", "bytes_out", "latency"
};

/* The list of ids at 5, which rise, as an array on top of the stack. */
static void read_only (lua_State *L, struct wsm_survey_query *query) {
  const size_t n = (size_t)lua_rawlen(L, 5);
  int64_t *ids = lua_newuserdata(L, (n + 1) * sizeof *ids);
  size_t i;
  for (i = 0; i < n; i++) {
    lua_rawgeti(L, 5, (int)i + 1);
    ids[i] = (int64_t)lua_tonumber(L, -1);
    lua_pop(L, 1);
    luaL_argcheck(L, i == 0 || ids[i - 1] < ids[i], 5, "rising ids expected");
  }
  query->only = ids;
  query->only_count = n;
}

/* { "client" | "server", key, ascending } at 2; what it refers to stays on the stack */
static void read_query (lua_State *L, struct wsm_survey_query *query) {
  static const char *const roles[] = { "client", "server", NULL };
  memset(query, 0, sizeof *query);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_rawgeti(L, 2, 1);
  query->role = (enum wsm_role)luaL_checkoption(L, -1, NULL, roles);
  lua_rawgeti(L, 2, 2);
  query->key = (enum wsm_survey_key)luaL_checkoption(L, -1, NULL, keys);
  lua_rawgeti(L, 2, 3);
  query->ascending = lua_toboolean(L, -1);
  if (lua_istable(L, 5)) read_only(L, query);
}

#define MOST_RANKED 1000

/* rank(loop, query, skip, take, only) -> { id ... }, how many there are in all: of
** the connections in that order those behind the first `skip`; only: rising ids. The
** table is made first: what raises afterwards would leave the array behind. */
static int rank (lua_State *L) {
  struct wsm_loop *loop = wsm_check_loop(L, 1);
  const lua_Integer skip = luaL_checkinteger(L, 3);
  const lua_Integer take = luaL_checkinteger(L, 4);
  struct wsm_survey_query query;
  struct wsm_ranked *all;
  size_t count = 0, i;
  luaL_argcheck(L, skip >= 0, 3, "0 or more expected");
  luaL_argcheck(L, take >= 0 && take <= MOST_RANKED, 4, "0 to 1000 expected");
  read_query(L, &query);
  lua_createtable(L, (int)take, 0);
  all = wsm_survey_rank(loop, &query, &count);
  if (!all) return luaL_error(L, "not enough memory");
  for (i = 0; i < (size_t)take && (size_t)skip + i < count; i++) {
    lua_pushinteger(L, (lua_Integer)all[(size_t)skip + i].id);
    lua_rawseti(L, -2, (int)i + 1);
  }
  wsm_free(all);
  lua_pushnumber(L, (lua_Number)count);
  return 2;
}

void wsm_set_totals (lua_State *L) {
  lua_pushcfunction(L, rank);
  lua_setfield(L, -2, "rank");
  lua_pushcfunction(L, totals);
  lua_setfield(L, -2, "totals");
}
