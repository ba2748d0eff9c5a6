/*
** faulty.c - faults on demand
** Depends on lua.h. Loaded beside the module under test, so that a run of the
** sanitizers begins by showing that they catch what they are there for.
*/
#include <pthread.h>
#include <stdlib.h>
#include "lua/compat.h"

int luaopen_faulty (lua_State *L);

static int leak (lua_State *L) {
  char *volatile block = malloc((size_t)luaL_checkinteger(L, 1));
  if (block) *block = 1;
  block = NULL;
  return 0;
}

static int overflow (lua_State *L) {
  char *block = malloc(8);
  volatile char *at = block;
  if (block) at[luaL_checkinteger(L, 1)] = 1;
  free(block);
  return 0;
}

static int afterwards (lua_State *L) {
  char *block = malloc((size_t)luaL_checkinteger(L, 1));
  volatile char *at = block;
  free(block);
  lua_pushinteger(L, at[0]);
  return 1;
}

static int undefined (lua_State *L) {
  int n = (int)luaL_checkinteger(L, 1);
  lua_pushinteger(L, n + n);
  return 1;
}

static void *write_to (void *place) {
  ++*(volatile int *)place;
  return NULL;
}

static int race (lua_State *L) {
  int place = (int)luaL_checkinteger(L, 1);
  pthread_t other;
  if (pthread_create(&other, NULL, write_to, &place) != 0) return 0;
  write_to(&place);
  pthread_join(other, NULL);
  return 0;
}

static const luaL_Reg faults[] = {
  { "leak", leak },
  { "overflow", overflow },
  { "afterwards", afterwards },
  { "undefined", undefined },
  { "race", race },
  { NULL, NULL },
};

__attribute__((visibility("default"))) int luaopen_faulty (lua_State *L) {
  luaL_newlib(L, faults);
  return 1;
}
