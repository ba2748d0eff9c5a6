/*
** processes.c - forks the process, stops, ends and waits for the child
** Depends on lua.h. Loaded by programs of a spec.
*/
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lua/compat.h"

int luaopen_processes (lua_State *L);

/* fork(): 0 in the child, its number in the parent. */
static int make_child (lua_State *L) {
  const pid_t child = fork();
  if (child < 0) return luaL_error(L, "no fork");
  lua_pushinteger(L, child);
  return 1;
}

/* wait(child): its exit status, or minus the signal that ended it. */
static int wait_for (lua_State *L) {
  int status;
  if (waitpid((pid_t)luaL_checkinteger(L, 1), &status, 0) < 0)
    return luaL_error(L, "no such child");
  lua_pushinteger(L,
                  WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
  return 1;
}

/* pause(): until a signal ends the process. */
static int wait_for_signal (lua_State *L) {
  (void)L;
  for (;;) pause();
}

/* exit(status): without a word of a sanitizer's. */
static int leave (lua_State *L) {
  _exit((int)luaL_checkinteger(L, 1));
}

/* send(name[, process]): a signal, to this process if none is given. */
static int send_signal (lua_State *L) {
  static const char *const names[] = { "HUP",  "INT",  "TERM",
                                       "USR1", "USR2", NULL };
  static const int numbers[] = { SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2 };
  const int number = numbers[luaL_checkoption(L, 1, NULL, names)];
  kill((pid_t)luaL_optinteger(L, 2, (lua_Integer)getpid()), number);
  return 0;
}

static int end_child (lua_State *L) {
  kill((pid_t)luaL_checkinteger(L, 1), SIGKILL);
  return 0;
}

__attribute__((visibility("default"))) int luaopen_processes (lua_State *L) {
  lua_createtable(L, 0, 6);
  lua_pushcfunction(L, send_signal);
  lua_setfield(L, -2, "send");
  lua_pushcfunction(L, make_child);
  lua_setfield(L, -2, "fork");
  lua_pushcfunction(L, wait_for);
  lua_setfield(L, -2, "wait");
  lua_pushcfunction(L, wait_for_signal);
  lua_setfield(L, -2, "pause");
  lua_pushcfunction(L, leave);
  lua_setfield(L, -2, "exit");
  lua_pushcfunction(L, end_child);
  lua_setfield(L, -2, "kill");
  return 1;
}
