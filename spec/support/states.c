/*
** states.c - opens Lua states, runs a program in each, and closes them
** Depends on lua.h and threads. Loaded by a spec.
*/
#include "lua/compat.h"
#include <lualib.h>
#include <pthread.h>
#include <stdio.h>

int luaopen_states (lua_State *L);

/* run(n, program): n states, one after another. */
static int run (lua_State *L) {
  const lua_Integer n = luaL_checkinteger(L, 1);
  const char *program = luaL_checkstring(L, 2);
  lua_Integer i;
  for (i = 0; i < n; i++) {
    lua_State *state = luaL_newstate();
    if (!state) return luaL_error(L, "not enough memory");
    luaL_openlibs(state);
    if (luaL_dostring(state, program)) {
      lua_pushstring(L, lua_tostring(state, -1));
      lua_close(state);
      return lua_error(L);
    }
    lua_close(state);
  }
  return 0;
}

#define MAX_THREADS 16

struct thread {
  pthread_t id;
  const char *program;
  int number;
  char failure[1000]; /* "": it ended well */
};

static void *run_state (void *given) {
  struct thread *t = given;
  lua_State *state = luaL_newstate();
  if (!state) {
    snprintf(t->failure, sizeof t->failure, "not enough memory");
    return NULL;
  }
  luaL_openlibs(state);
  if (luaL_loadstring(state, t->program) == 0) {
    lua_pushinteger(state, t->number);
    if (lua_pcall(state, 1, 0, 0) == 0) lua_settop(state, 0);
  }
  if (lua_gettop(state) > 0)
    snprintf(t->failure, sizeof t->failure, "thread %d: %s", t->number,
             lua_tostring(state, -1));
  lua_close(state);
  return NULL;
}

/* threads(n, program): n states at once, each in a thread of its own; the program
** gets its number, from 1 on. */
static int threads (lua_State *L) {
  struct thread all[MAX_THREADS] = { { 0 } };
  const int n = (int)luaL_checkinteger(L, 1);
  const char *program = luaL_checkstring(L, 2);
  int i;
  luaL_argcheck(L, n > 0 && n <= MAX_THREADS, 1, "too many");
  for (i = 0; i < n; i++) {
    all[i].program = program;
    all[i].number = i + 1;
    if (pthread_create(&all[i].id, NULL, run_state, &all[i]) != 0)
      return luaL_error(L, "no thread");
  }
  for (i = 0; i < n; i++) pthread_join(all[i].id, NULL);
  for (i = 0; i < n; i++)
    if (all[i].failure[0]) return luaL_error(L, "%s", all[i].failure);
  return 0;
}

__attribute__((visibility("default"))) int luaopen_states (lua_State *L) {
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, run);
  lua_setfield(L, -2, "run");
  lua_pushcfunction(L, threads);
  lua_setfield(L, -2, "threads");
  return 1;
}
