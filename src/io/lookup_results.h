/*
** lookup_results.h - where a libuv loop takes the resolver's answers
** Depends on libuv and resolver.h. Part of a reactor; for resolve.c alone.
*/
#ifndef WSM_LOOKUP_RESULTS_H
#define WSM_LOOKUP_RESULTS_H

#include <stddef.h>
#include <uv.h>
#include "io/resolver.h"

struct wsm_lookup_results {
  uv_async_t async;
  struct wsm_answers answers;
  size_t pending; /* lookups: while there are some, the loop may wait */
};

#endif
