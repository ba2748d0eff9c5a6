/*
** spec_manager.h - a manager of wsmanager.protocol, with all that it borrows
** Depends on manager.h and spec_policy.h. Its mask keys are zero: its output is readable.
*/
#ifndef WSM_SPEC_MANAGER_H
#define WSM_SPEC_MANAGER_H

#include "lua/compat.h"
#include "manager/manager.h"

#define WSM_MANAGER_CLASS "wsmanager.manager" /* the name of its metatable */

struct wsm_manager_box {
  struct wsm_manager manager;
  struct wsm_policy policy;
  struct wsm_pool pool;
  struct wsm_url parts; /* spans of url */
  char *url, *protocols, *headers;
  struct wsm_totals totals;
  bool live;       /* made, and not freed */
  bool fixed_keys; /* they are not renewed */
  struct wsm_keys keys;
};

/* The one at 1, not freed; raises for anything else. */
struct wsm_manager_box *wsm_check_manager_box (lua_State *L);

/* Pushes "sent" | "later" | "full" | "closed"; returns 1. */
int wsm_push_sent (lua_State *L, enum wsm_sent sent);

/* Pushes data and kind | nil (none yet) | false (none will come); returns how many. */
int wsm_push_input (lua_State *L, enum wsm_input input,
                    const struct wsm_message *message);

/* --- its state --- */

/* m:head() -> the peer's HTTP head, the body of a rejection, the subprotocol */
int wsm_spec_head (lua_State *L);

/* m:latency() -> milliseconds of the last answered ping or nil, smoothed, the p99 */
int wsm_spec_latency (lua_State *L);

/* m:round_trips() -> how many pongs were counted among the totals, their milliseconds */
int wsm_spec_round_trips (lua_State *L);

/* m:notes() -> a list of { kind, at, a, b, text }, the kinds numbered as journal.h has
** them: those since the last call. The first one begins. */
int wsm_spec_notes (lua_State *L);

/* m:why() -> a sentence */
int wsm_spec_why (lua_State *L);

/* m:read_size(n) -> how much is to be read where n is usual */
int wsm_spec_read_size (lua_State *L);

/* m:full() -> boolean: shall the driver stop reading? */
int wsm_spec_full (lua_State *L);

/* m:keep(n) -> boolean: n bytes were taken and are kept; more than half of the inbox? */
int wsm_spec_keep (lua_State *L);

/* m:await_room() */
int wsm_spec_await_room (lua_State *L);

/* m:address() -> "unknown" | "good" | "bad" */
int wsm_spec_address (lua_State *L);

/* m:part(now) -> data, kind, is it a rest?, does more follow?, did it break off? | as
** `next` */
int wsm_spec_part (lua_State *L);

/* --- attempts --- */

/* m:fail_target(detail, now): the owner's functions have failed */
int wsm_spec_fail_target (lua_State *L);

/* --- acknowledged delivery --- */

/* m:confirm(id, now) -> boolean: the peer confirms it */
int wsm_lua_confirm (lua_State *L);

/* m:repeated(id) -> boolean: was it received before? */
int wsm_lua_repeated (lua_State *L);

/* m:unacknowledged() -> messages and bytes, also in the output */
int wsm_lua_unacknowledged (lua_State *L);

/* m:halfclosed() -> boolean: the peer sends nothing more; does it go on? */
int wsm_lua_half_closed (lua_State *L);

/* m:track() -> boolean: what may be lost is told */
int wsm_lua_track (lua_State *L);

/* --- liveness --- */

/* m:delivered(acknowledged, everything, now, { written, unread, blocked, readable,
** hung_up }): what the driver found */
int wsm_lua_delivered (lua_State *L);

/* m:wants_delivery(now) -> boolean */
int wsm_lua_wants_delivery (lua_State *L);

/* m:heard(now): bytes came that are no message's yet */
int wsm_lua_heard (lua_State *L);

/* m:set_heartbeat({ heartbeat_interval_ms ... } | nil, now) -> boolean */
int wsm_lua_set_heartbeat (lua_State *L);

/* m:heartbeat(data | nil, binary) -> boolean: the message that was asked for */
int wsm_lua_heartbeat (lua_State *L);

/* m:recovered(now): the network came back. m:awaits(): is that awaited? */
int wsm_lua_recovered (lua_State *L);
int wsm_lua_awaits (lua_State *L);

/* m:ping(payload | nil, now, awaited) -> its number, or nil */
int wsm_lua_ping (lua_State *L);

/* m:pong(number, forget) -> milliseconds | false (awaited) | nil (lost) */
int wsm_lua_pong (lua_State *L);

/* m:acknowledge(): a message is the answer */
int wsm_lua_acknowledge (lua_State *L);

#endif
