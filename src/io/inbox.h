/*
** inbox.h - where a libuv loop takes the resolver's answers
** Depends on libuv and resolver.h. Part of a reactor; for resolve.c alone.
*/
#ifndef WSM_INBOX_H
#define WSM_INBOX_H

#include <stddef.h>
#include <uv.h>
#include "io/resolver.h"

struct wsm_inbox {
  uv_async_t async;
  struct wsm_answers answers;
  size_t pending; /* lookups: while there are some, the loop may wait */
};

#endif
