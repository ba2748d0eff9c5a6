#include "lua/console/lconsole.h"

#include <errno.h>
#include <string.h>
#include "console/descriptor.h"
#include "console/terminal.h"
#include "lua/lclass.h"
#include "lua/lfail.h"
#include "lua/lloop.h"
#include "base/hidden.h"

#define DESCRIPTOR "wsmanager.descriptor"
#define READ_SIZE 16384

struct box {
  struct wsm_descriptor *descriptor; /* NULL: closed */
  struct wsm_terminal_mode *before;  /* NULL: the terminal is as it was */
};

static struct box *check_box (lua_State *L) {
  struct box *box = luaL_checkudata(L, 1, DESCRIPTOR);
  luaL_argcheck(L, box->descriptor, 1, "it is closed");
  return box;
}

static struct wsm_descriptor *check (lua_State *L) {
  return check_box(L)->descriptor;
}

/* descriptor(loop, number) -> descriptor | nil, token, detail */
static int make (lua_State *L) {
  struct wsm_loop *loop = wsm_check_loop(L, 1);
  const int fd = (int)luaL_checkinteger(L, 2);
  struct box *box = wsm_newuserdata(L, sizeof *box);
  struct wsm_error e;
  memset(box, 0, sizeof *box);
  luaL_setmetatable(L, DESCRIPTOR);
  box->descriptor = wsm_descriptor_new(loop, fd, &e);
  return box->descriptor ? 1 : wsm_fail(L, &e);
}

static int id (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)wsm_descriptor_id(check(L)));
  return 1;
}

/* await("read" or "write") -> will its handle be ready? */
static int await (lua_State *L) {
  static const char *const names[] = { "read", "write", NULL };
  struct wsm_descriptor *d = check(L);
  const int write = luaL_checkoption(L, 2, NULL, names);
  lua_pushboolean(L, wsm_descriptor_await(d, write));
  return 1;
}

/* nil, why, is nobody there who reads it? */
static int fail (lua_State *L, int error) {
  lua_pushnil(L);
  lua_pushstring(L, strerror(error));
  lua_pushboolean(L, error == EPIPE);
  return 3;
}

/* read() -> bytes; false: not now; nil: the end; fail */
static int read_some (lua_State *L) {
  char bytes[READ_SIZE];
  const long n = wsm_descriptor_read(check(L), bytes, sizeof bytes);
  if (n == WSM_DESCRIPTOR_FAILED) return fail(L, errno);
  if (n > 0) lua_pushlstring(L, bytes, (size_t)n);
  else if (n == 0) lua_pushnil(L);
  else lua_pushboolean(L, 0);
  return 1;
}

/* write(text, from) -> the index behind what was written, `from` if nothing; fail */
static int write_some (lua_State *L) {
  const struct wsm_descriptor *d = check(L);
  size_t length, at;
  const char *text = luaL_checklstring(L, 2, &length);
  at = (size_t)luaL_checkinteger(L, 3) - 1;
  while (at < length) {
    const long n = wsm_descriptor_write(d, text + at, length - at);
    if (n == WSM_DESCRIPTOR_FAILED) return fail(L, errno);
    if (n <= 0) break;
    at += (size_t)n;
  }
  lua_pushinteger(L, (lua_Integer)at + 1);
  return 1;
}

static int is_terminal (lua_State *L) {
  lua_pushboolean(L, wsm_terminal_is(wsm_descriptor_fd(check(L))));
  return 1;
}

/* size() -> columns, rows | nil */
static int size (lua_State *L) {
  int columns, rows;
  if (!wsm_terminal_size(wsm_descriptor_fd(check(L)), &columns, &rows))
    return 0;
  lua_pushinteger(L, columns);
  lua_pushinteger(L, rows);
  return 2;
}

static void restore (struct box *box) {
  struct wsm_terminal_mode *before = box->before;
  box->before = NULL;
  if (before) wsm_terminal_restore(wsm_descriptor_fd(box->descriptor), before);
}

/* raw(on) -> is the terminal so now? */
static int raw (lua_State *L) {
  struct box *box = check_box(L);
  const int on = lua_toboolean(L, 2);
  if (!on) restore(box);
  else if (!box->before)
    box->before = wsm_terminal_raw(wsm_descriptor_fd(box->descriptor));
  lua_pushboolean(L, on ? box->before != NULL : 1);
  return 1;
}

static int close_descriptor (lua_State *L) {
  struct box *box = luaL_checkudata(L, 1, DESCRIPTOR);
  struct wsm_descriptor *d = box->descriptor;
  if (d) restore(box);
  box->descriptor = NULL;
  if (d) wsm_descriptor_free(d);
  return 0;
}

static int suspend (lua_State *L) {
  (void)L;
  wsm_terminal_suspend();
  return 0;
}

void wsm_set_console (lua_State *L) {
  static const luaL_Reg methods[] = { { "id", id },
                                      { "await", await },
                                      { "read", read_some },
                                      { "write", write_some },
                                      { "terminal", is_terminal },
                                      { "size", size },
                                      { "raw", raw },
                                      { "close", close_descriptor },
                                      { NULL, NULL } };
  static const struct wsm_class class = { DESCRIPTOR, methods, close_descriptor,
                                          make };
  wsm_push_class(L, &class);
  lua_setfield(L, -2, "descriptor");
  lua_pushcfunction(L, suspend);
  lua_setfield(L, -2, "suspend");
}
