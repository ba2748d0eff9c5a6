/*
** nginx.h - a descriptor watched by the event loop of the nginx that we live in
** Depends on loop.h, and on functions and variables that nginx and its Lua module export, found by
** their names at run time, and on the first fields of nginx's connections and events,
** which are compared with what they have to be before any of them is written.
** Never runs Lua: it posts a semaphore of the Lua module, which wakes a light thread.
*/
#ifndef WSM_NGINX_H
#define WSM_NGINX_H

#include "base/error.h"

struct wsm_loop;
struct wsm_nginx;

/* Posts the semaphore (an ngx_http_lua_sema_t, of `ngx.semaphore`) when the loop is to
** turn: in each round of nginx's loop in which its descriptor, which is duplicated, is
** readable, and as its bell. The two may be freed in any order. NULL: there is no
** nginx, or not one that we know; e says why. */
struct wsm_nginx *wsm_nginx_watch (struct wsm_loop *loop, void *semaphore,
                                   struct wsm_error *e);

void wsm_nginx_free (struct wsm_nginx *n);

/* The lua_State that all requests of this process share, unless `lua_code_cache` is
** off; NULL: there is none here. */
void *wsm_nginx_shared_state (void);

#endif
