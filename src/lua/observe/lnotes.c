#include "lua/observe/lnotes.h"

#include "link/notes.h"
#include "lua/lbox.h"
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

static struct wsm_journal *journal_of (const struct wsm_box *box) {
  struct wsm_link *link = wsm_box_link(box);
  return link ? wsm_link_manager(link)->journal : NULL;
}

/* notes(ws) -> kind, seconds, a, b, text of the oldest, which is taken; nothing: there
** is none. Pushing the text may run a finalizer, which may change the journal: it
** comes first, and is taken from where it stood. */
static int notes (lua_State *L) {
  const struct wsm_box *box = wsm_check_any_box(L, 1);
  struct wsm_journal *j = journal_of(box);
  const unsigned char *text;
  struct wsm_note note, same;
  lua_settop(L, 1);
  do {
    lua_settop(L, 1);
    j = journal_of(box);
    if (!j || !wsm_journal_first(j, &note, &text)) return 0;
    lua_pushlstring(L, (const char *)text, note.length);
    j = journal_of(box);
    if (!j || !wsm_journal_first(j, &same, &text)) return 0;
  } while (same.at_ms != note.at_ms || same.kind != note.kind ||
           same.length != note.length);
  wsm_journal_pop(j);
  lua_pushstring(L, kinds[note.kind]);
  lua_pushnumber(L, (lua_Number)note.at_ms / 1000);
  lua_pushnumber(L, (lua_Number)note.a);
  lua_pushnumber(L, (lua_Number)note.b);
  lua_pushvalue(L, 2);
  return 5;
}

void wsm_set_notes (lua_State *L) {
  lua_getfield(L, -1, "link");
  lua_pushcfunction(L, observe);
  lua_setfield(L, -2, "observe");
  lua_pushcfunction(L, notes);
  lua_setfield(L, -2, "notes");
  lua_pop(L, 1);
}
