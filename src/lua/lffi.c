#include "lua/lffi.h"

#include <string.h>
#include "base/utf8.h"
#include "lua/lbox.h"
#include "base/hidden.h"

#if WSM_MAYBE_LUAJIT

#define LIMIT 16384 /* bytes of a message */

/* A message that Lua is about to copy. One static buffer shared by all
** connections, which a finalizer may overwrite; ffi.lua declares it too. */
struct slot {
  const void *owner; /* the connection's box */
  uint64_t before;   /* messages that the connection had taken before it */
  uint32_t length;
  int binary;
  char bytes[LIMIT];
};

enum { NOTHING, TEXT, BINARY };

/* Copies the next message into *to and returns its kind. NOTHING: there is none,
** or it is large or to be decoded; core.link.receive does it. */
static int next_message (const struct wsm_box *box, struct slot *to) {
  struct wsm_link *link = wsm_box_link(box);
  struct wsm_message m;
  if (!link || box->has_codec || box->is_shared ||
      wsm_link_next(link, &m) != WSM_MESSAGE || m.length > LIMIT)
    return NOTHING;
  if (m.length > 0) memcpy(to->bytes, m.data, m.length);
  to->length = (uint32_t)m.length;
  to->binary = m.binary;
  to->owner = box;
  to->before = wsm_link_manager(link)->counters.messages_in;
  return m.binary ? BINARY : TEXT;
}

/* Takes the message, now that Lua has its string. 0: the buffer was overwritten
** by another connection, or the message was taken meanwhile. */
static int take_message (const struct wsm_box *box, const struct slot *slot) {
  const struct wsm_message taken = { NULL, slot->length, slot->binary != 0 };
  struct wsm_link *link = wsm_box_link(box);
  if (!link || slot->owner != box ||
      wsm_link_manager(link)->counters.messages_in != slot->before)
    return 0;
  wsm_link_pop(link, &taken);
  return 1;
}

/* 0: nothing was sent; core.link.send sends it, or says why not. */
static int send_message (const struct wsm_box *box, const char *data, size_t n,
                         int kind) {
  const struct wsm_message m = { (const unsigned char *)data, n,
                                 kind == BINARY };
  struct wsm_link *link = wsm_box_link(box);
  if (!link || box->identifies || (kind == TEXT && !wsm_utf8_valid(m.data, n)))
    return 0;
  return wsm_link_send(link, &m, NULL) <= WSM_SENT_LATER;
}

static const struct {
  int (*next)(const struct wsm_box *box, struct slot *to);
  int (*take)(const struct wsm_box *box, const struct slot *slot);
  int (*send)(const struct wsm_box *box, const char *data, size_t n, int kind);
} calls = { next_message, take_message, send_message };

void wsm_set_ffi (lua_State *L) {
  lua_pushlightuserdata(L, (void *)(uintptr_t)&calls);
  lua_setfield(L, -2, "ffi");
}

#else

void wsm_set_ffi (lua_State *L) {
  (void)L;
}

#endif
