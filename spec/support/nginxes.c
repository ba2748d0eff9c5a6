/*
** nginxes.c - what nginx and its Lua module export, in a program without nginx
** Depends on nothing; preloaded and required. The environment's NGINX says how it
** differs from the nginx that src/io/nginx.c knows: "index" and "log" have another
** field before that one, "used" is a connection somebody has used, "poll" has no
** epoll, "full" no connection left, "deaf" answers that it watches and does not.
*/
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ 0x2001
#define ACTIVE 8u
#define FRESH 0xd0d0d0d0u

struct event {
  void *data;
  unsigned bits;
  int available;
  void (*handler)(struct event *ev);
  uintptr_t fields[4]; /* index, log */
};

struct connection {
  void *data;
  struct event *read, *write;
  int fd;
};

struct cycle {
  void *conf_ctx, *pool, *log;
};

struct semaphore {
  void *waiting[2], *chain[2];
  struct event event;
};

struct actions {
  intptr_t (*add)(struct event *ev, intptr_t event, uintptr_t flags);
  intptr_t (*del)(struct event *ev, intptr_t event, uintptr_t flags);
};

static int posts, watched, closed, open_fd = -1;
static int log_text;
static struct connection connection;
static struct event events[2];
static struct semaphore semaphore;
static struct cycle cycle = { NULL, NULL, &log_text };

static int is (const char *name) {
  const char *how = getenv("NGINX");
  return how && strcmp(how, name) == 0;
}

static intptr_t add (struct event *ev, intptr_t event, uintptr_t flags) {
  (void)flags;
  if (event != READ) abort();
  watched = 1;
  if (!is("deaf")) ev->bits |= ACTIVE;
  return 0;
}

static intptr_t del (struct event *ev, intptr_t event, uintptr_t flags) {
  (void)flags;
  if (event != READ) abort();
  watched = 0;
  ev->bits &= ~ACTIVE;
  return 0;
}

struct cycle *ngx_cycle = &cycle;
struct actions ngx_event_actions = { add, del };
uintptr_t ngx_event_flags = 0x40;
uintptr_t ngx_exiting;

static struct connection *only = &connection;

struct connection *ngx_get_connection (int fd, void *log) {
  const int index = is("index") ? 1 : 0;
  int i;
  (void)log;
  if (is("full")) return NULL;
  memset(events, 0, sizeof events);
  for (i = 0; i < 2; i++) {
    events[i].data = &connection;
    events[i].fields[index] = FRESH;
    events[i].bits = i | 4;
  }
  if (is("used")) events[0].bits |= ACTIVE;
  connection.read = &events[0];
  connection.write = &events[1];
  connection.fd = open_fd = fd;
  return only;
}

void ngx_close_connection (struct connection *c) {
  if (c->fd != open_fd || watched) abort();
  close(c->fd);
  c->fd = -1;
  closed++;
}

int ngx_http_lua_ffi_sema_post (struct semaphore *s, int n) {
  if (s != &semaphore) abort();
  posts += n;
  return 0;
}

static void on_semaphore (struct event *ev) {
  (void)ev;
}

/* semaphore() -> its address */
static int new_semaphore (lua_State *L) {
  if (is("poll")) ngx_event_flags = 1;
  semaphore.event.data = &semaphore;
  semaphore.event.handler = on_semaphore;
  semaphore.event.fields[0] = 0;
  semaphore.event.fields[is("log") ? 2 : 1] = (uintptr_t)&log_text;
  lua_pushnumber(L, (lua_Number)(uintptr_t)&semaphore);
  return 1;
}

/* readable() -> posts: what nginx does where the descriptor is readable */
static int readable (lua_State *L) {
  events[0].handler(&events[0]);
  lua_pushinteger(L, posts);
  return 1;
}

/* state() -> is it watched, how many connections were closed, is the descriptor open */
static int state (lua_State *L) {
  lua_pushboolean(L, watched);
  lua_pushinteger(L, closed);
  lua_pushboolean(L, open_fd >= 0 && fcntl(open_fd, F_GETFD) >= 0);
  return 3;
}

/* posts() */
static int count_posts (lua_State *L) {
  lua_pushinteger(L, posts);
  return 1;
}

/* exit(): the worker exits from now on */
static int begin_exit (lua_State *L) {
  (void)L;
  ngx_exiting = 1;
  return 0;
}

int luaopen_nginxes (lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, new_semaphore);
  lua_setfield(L, -2, "semaphore");
  lua_pushcfunction(L, readable);
  lua_setfield(L, -2, "readable");
  lua_pushcfunction(L, state);
  lua_setfield(L, -2, "state");
  lua_pushcfunction(L, count_posts);
  lua_setfield(L, -2, "posts");
  lua_pushcfunction(L, begin_exit);
  lua_setfield(L, -2, "exit");
  return 1;
}
