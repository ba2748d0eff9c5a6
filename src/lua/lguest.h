/*
** lguest.h - what another module of ours needs of this one: a loop for a guest
** Depends on guest.h and lua.h. Under its key in the registry is the address of a
** struct wsm_lua_guests.
*/
#ifndef WSM_LGUEST_H
#define WSM_LGUEST_H

#include "io/guest.h"
#include "lua/compat.h"

#define WSM_GUESTS "wsmanager.guests"

struct wsm_lua_guests {
  const struct wsm_guest_table *table;
  /* The open loop at i; raises for anything else, and in a forked child whose
     parent had something attached to it. */
  struct wsm_loop *(*check_loop)(lua_State *L, int i);
};

#endif
