#include "lua/observe/lnotes.h"

#include <string.h>
#include "link/notes.h"
#include "lua/lbox.h"
#include "lua/lserver.h"
#include "server/server.h"
#include "base/hidden.h"

#define MOST_KEPT 65536 /* bytes of a payload */

static const char *const kinds[WSM_NOTES] = {
  [WSM_NOTE_LOST] = "lost",
  [WSM_NOTE_CONNECTING] = "connecting",
  [WSM_NOTE_TCP] = "tcp",
  [WSM_NOTE_CONNECTED] = "connected",
  [WSM_NOTE_REDIRECT] = "redirect",
  [WSM_NOTE_AGREED] = "agreed",
  [WSM_NOTE_LOGIN] = "login",
  [WSM_NOTE_LOGGED_IN] = "loggedin",
  [WSM_NOTE_LOGIN_FAILED] = "loginfailed",
  [WSM_NOTE_OPEN] = "open",
  [WSM_NOTE_HEARTBEAT] = "heartbeat",
  [WSM_NOTE_PONG] = "pong",
  [WSM_NOTE_LATE] = "late",
  [WSM_NOTE_PAUSED] = "paused",
  [WSM_NOTE_RESUMED] = "resumed",
  [WSM_NOTE_FULL] = "full",
  [WSM_NOTE_DROPPED] = "dropped",
  [WSM_NOTE_UNCERTAIN] = "uncertain",
  [WSM_NOTE_HUNG_UP] = "hungup",
  [WSM_NOTE_CLOSING] = "closing",
  [WSM_NOTE_PEER_CLOSES] = "peercloses",
  [WSM_NOTE_VIOLATION] = "violation",
  [WSM_NOTE_RETRY_AFTER] = "retryafter",
  [WSM_NOTE_END] = "end",
  [WSM_NOTE_DEMOTED] = "demoted",
  [WSM_NOTE_WAITING] = "waiting",
  [WSM_NOTE_LOCKED] = "locked",
  [WSM_NOTE_EXHAUSTED] = "exhausted",
  [WSM_NOTE_CLOSED] = "closed",
  [WSM_NOTE_HEAD_IN] = "headin",
  [WSM_NOTE_HEAD_OUT] = "headout",
  [WSM_NOTE_FRAME_IN] = "framein",
  [WSM_NOTE_FRAME_OUT] = "frameout",
};

/* observe(ws, on, keep): notes from now on, with keep > 0 also of heads and frames,
** so many bytes of each payload; or none any more */
static int observe (lua_State *L) {
  struct wsm_link *link = wsm_box_link(wsm_check_any_box(L, 1));
  const lua_Integer keep = luaL_optinteger(L, 3, 0);
  luaL_argcheck(L, keep >= 0 && keep <= MOST_KEPT, 3, "0 to 65536 expected");
  if (!link) return 0;
  if (!wsm_link_observe(link, lua_toboolean(L, 2), (uint32_t)keep))
    return luaL_error(L, "not enough memory");
  return 0;
}

/* Of a connection, which may be gone, or of a server at 1. */
static struct wsm_journal *journal_of (lua_State *L) {
  const struct wsm_box *box = wsm_test_box(L, 1);
  struct wsm_link *link = box ? wsm_box_link(box) : NULL;
  if (box) return link ? wsm_link_manager(link)->journal : NULL;
  return wsm_server_journal(wsm_check_server(L, 1));
}

/* The oldest note, its text on the stack. Pushing that may run a finalizer, which may
** change the journal: then it is pushed anew. false: there is none. */
static bool push_first (lua_State *L, struct wsm_note *note) {
  const int top = lua_gettop(L);
  const unsigned char *text;
  struct wsm_note same;
  struct wsm_journal *j;
  do {
    lua_settop(L, top);
    j = journal_of(L);
    if (!j || !wsm_journal_first(j, note, &text)) return false;
    lua_pushlstring(L, (const char *)text, note->length);
    j = journal_of(L);
    if (!j || !wsm_journal_first(j, &same, &text)) return false;
  } while (memcmp(&same, note, sizeof same) != 0);
  return true;
}

/* notes(ws or server) -> kind, seconds, a, b, text of the oldest, which is taken;
** nothing: there is none */
static int notes (lua_State *L) {
  struct wsm_note note;
  lua_settop(L, 1);
  if (!push_first(L, &note)) return 0;
  wsm_journal_pop(journal_of(L));
  lua_pushstring(L, kinds[note.kind]);
  lua_pushnumber(L, (lua_Number)note.at_ms / 1000);
  lua_pushnumber(L, (lua_Number)note.a);
  lua_pushnumber(L, (lua_Number)note.b);
  lua_pushvalue(L, 2);
  return 5;
}

/* observeserver(server): its connections from their acceptance on */
static int observe_server (lua_State *L) {
  if (!wsm_server_observe(wsm_check_server(L, 1)))
    return luaL_error(L, "not enough memory");
  return 0;
}

void wsm_set_notes (lua_State *L) {
  lua_getfield(L, -1, "link");
  lua_pushcfunction(L, observe);
  lua_setfield(L, -2, "observe");
  lua_pushcfunction(L, notes);
  lua_setfield(L, -2, "notes");
  lua_pushcfunction(L, observe_server);
  lua_setfield(L, -2, "observeserver");
  lua_pop(L, 1);
}
