/*
** lconfig.h - the options of a user (core.config of core.lua) as a policy
** Depends on policy.h. nil keeps the default, false switches off, seconds become
** milliseconds. Wrong types and impossible numbers raise, naming the option.
*/
#ifndef WSM_LCONFIG_H
#define WSM_LCONFIG_H

#include "lua/compat.h"
#include "manager/policy.h"

/* Fills p from the table, or nothing, at i. p->heartbeat.message points into a
** string of that table. */
void wsm_config_read (lua_State *L, int i, struct wsm_policy *p);

/* Changes in r what the table at i has: interval, timeout, silence, jitter, mode,
** kind; message: a string, which r borrows, a function, which its owner calls, or
** false; ack: is there a function? */
void wsm_config_heartbeat (lua_State *L, int i, struct wsm_heartbeat_rules *r);
void wsm_config_no_heartbeat (struct wsm_heartbeat_rules *r);
/* Fills p->lists from the lists `delays`, in units of `unit_ms`, and `never` of
** the table at i, which keeps them alive in the field `lists`. */
void wsm_config_lists (lua_State *L, int i, struct wsm_policy *p,
                       double unit_ms);

/* Fills c from the table at i: level, window, peer_window, takeover,
** peer_takeover, threshold; with the defaults if it is no table. */
void wsm_config_compression (lua_State *L, int i, struct wsm_compression *c);

/* A whole number >= 0 of the table at i, or `absent` where there is none. */
lua_Number wsm_config_count (lua_State *L, int i, const char *name,
                             lua_Number absent);

/* Seconds at i as milliseconds; raises for anything but a number >= 0. */
uint32_t wsm_check_ms (lua_State *L, int i, const char *name);

#endif
