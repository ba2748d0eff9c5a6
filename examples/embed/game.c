/*
** game.c - a game with a loop of its own around poll, and wsmanager in its program
** Depends on Lua 5.4 and on libwsmanager.a of `make bundle`: see the Makefile.
** No file lies beside it: game_lua.h has the text of game.lua and world.lua.
**
**   game ws://127.0.0.1:8080 ann [seconds]
*/

#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "wsmanager.h"
#include "game_lua.h"

#define FRAME_MS 16

static double seconds_now (void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- Lua --- */

static int open_world (lua_State *L) {
  if (luaL_loadbuffer(L, world_lua, sizeof world_lua - 1, "=world.lua") !=
      LUA_OK)
    return lua_error(L);
  lua_call(L, 0, 1);
  return 1;
}

/* What `require` finds without a file. */
static void preload (lua_State *L, const char *name, lua_CFunction open) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, open);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

static int add_traceback (lua_State *L) {
  luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
  return 1;
}

/* Calls a function that lies below its arguments; false: it has failed, and the game
** is told why and goes on. */
static int call (lua_State *L, int arguments, int results) {
  const int handler = lua_gettop(L) - arguments;
  lua_pushcfunction(L, add_traceback);
  lua_insert(L, handler);
  if (lua_pcall(L, arguments, results, handler) != LUA_OK) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    lua_settop(L, handler - 1);
    return 0;
  }
  lua_remove(L, handler);
  return 1;
}

/* The table of game.lua is the first on the stack, and stays there. */
static int start (lua_State *L, int argc, char **argv) {
  int i;
  luaL_openlibs(L);
  preload(L, "wsmanager", luaopen_wsmanager);
  preload(L, "world", open_world);
  if (luaL_loadbuffer(L, game_lua, sizeof game_lua - 1, "=game.lua") !=
      LUA_OK) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    return 0;
  }
  for (i = 1; i < argc; i++) lua_pushstring(L, argv[i]);
  return call(L, argc - 1, 1);
}

/* --- the game --- */

/* Also where a frame has failed, the next one may do better. */
static int frame (lua_State *L, double dt) {
  int goes_on;
  lua_getfield(L, 1, "frame");
  lua_pushnumber(L, dt);
  if (!call(L, 1, 1)) return 1;
  goes_on = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return goes_on;
}

/* What was typed; at its end nobody is asked any more. */
static void type (lua_State *L, struct pollfd *keys) {
  char text[256], *end;
  const ssize_t n = read(keys->fd, text, sizeof text);
  const char *line = text;
  if (n <= 0) {
    if (n == 0 || errno != EINTR) keys->fd = -1;
    return;
  }
  while ((end = memchr(line, '\n', (size_t)(text + n - line)))) {
    lua_getfield(L, 1, "line");
    lua_pushlstring(L, line, (size_t)(end - line));
    (void)call(L, 1, 0);
    line = end + 1;
  }
}

static void play (lua_State *L) {
  struct pollfd keys = { STDIN_FILENO, POLLIN, 0 };
  double before = seconds_now(), now;
  do {
    const double due = before + FRAME_MS / 1e3;
    while ((now = seconds_now()) < due) {
      if (poll(&keys, 1, (int)((due - now) * 1e3) + 1) > 0) type(L, &keys);
    }
    now -= before;
    before += now;
  } while (frame(L, now));
}

int main (int argc, char **argv) {
  lua_State *L;
  int fine;
  if (argc < 3) {
    fprintf(stderr, "usage: %s URL NAME [SECONDS]\n", argv[0]);
    return 2;
  }
  L = luaL_newstate();
  if (!L) return 1;
  fine = start(L, argc, argv);
  if (fine) {
    play(L);
    lua_getfield(L, 1, "leave");
    (void)call(L, 0, 0);
  }
  lua_close(L);
  return fine ? 0 : 1;
}
