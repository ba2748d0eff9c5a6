#include "lua/llink.h"

#include <string.h>
#include "lua/module.h"

#if WSM_MAYBE_LUAJIT

#define SMALL 16384 /* bytes of a message */

/* The one place of all connections where a message is between these functions and
** Lua; direct.lua declares it too. A finalizer may use it in the meantime. */
struct taken {
  const void *from; /* whose it is */
  uint64_t before;  /* messages taken before it */
  uint32_t length;
  char bytes[SMALL];
};

enum { NOTHING, TEXT, BINARY };

static struct wsm_link *live_link (const struct wsm_box *box) {
  return box->link && wsm_link_handle(box->link)->loop ? box->link : NULL;
}

/* Copies the next message into *to if it is small and not to be decoded, and
** answers its kind; NOTHING leaves it all to core.link.receive. */
static int next_message (const struct wsm_box *box, struct taken *to) {
  struct wsm_link *link = live_link(box);
  struct wsm_message m;
  if (!link || box->coded || wsm_link_next(link, &m) != WSM_MESSAGE ||
      m.length > SMALL)
    return NOTHING;
  if (m.length > 0) memcpy(to->bytes, m.data, m.length);
  to->length = (uint32_t)m.length;
  to->from = box;
  to->before = wsm_link_manager(link)->counters.messages_in;
  return m.binary ? BINARY : TEXT;
}

/* Takes it, now that Lua has its string. 0: that may be another one's, or it was
** taken meanwhile. */
static int take_message (const struct wsm_box *box, const struct taken *to) {
  struct wsm_link *link = live_link(box);
  if (!link || to->from != box ||
      wsm_link_manager(link)->counters.messages_in != to->before)
    return 0;
  wsm_link_pop(link);
  return 1;
}

/* Sends what it can at once; 0 leaves it all to core.link.send. */
static int send_message (const struct wsm_box *box, const char *data, size_t n,
                         int kind) {
  struct wsm_link *link = live_link(box);
  if (!link ||
      (kind == TEXT && !wsm_utf8_valid((const unsigned char *)data, n)))
    return 0;
  return wsm_link_send(link, kind == TEXT ? WSM_TEXT : WSM_BINARY, data, n) <=
         WSM_SENT_LATER;
}

static const struct {
  int (*next)(const struct wsm_box *box, struct taken *to);
  int (*take)(const struct wsm_box *box, const struct taken *to);
  int (*send)(const struct wsm_box *box, const char *data, size_t n, int kind);
} direct = { next_message, take_message, send_message };

void wsm_set_direct (lua_State *L) {
  lua_pushlightuserdata(L, (void *)(uintptr_t)&direct);
  lua_setfield(L, -2, "direct");
}

#else

void wsm_set_direct (lua_State *L) {
  (void)L;
}

#endif
