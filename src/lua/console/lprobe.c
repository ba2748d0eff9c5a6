#include "lua/console/lprobe.h"

#include "console/lookup.h"
#include "lua/lbox.h"
#include "lua/lclass.h"
#include "lua/lfail.h"
#include "lua/lfield.h"
#include "lua/lloop.h"
#include "tls/certificate.h"
#include "tls/tls.h"
#include "base/hidden.h"

#define LOOKUP "wsmanager.lookup"
#define ADDRESS_SIZE 64

struct box {
  struct wsm_lookup *lookup; /* NULL: closed */
};

static struct wsm_lookup *check (lua_State *L) {
  const struct box *box = luaL_checkudata(L, 1, LOOKUP);
  luaL_argcheck(L, box->lookup, 1, "it is closed");
  return box->lookup;
}

/* lookup(loop, host) -> lookup | nil, token, detail */
static int make (lua_State *L) {
  struct wsm_loop *loop = wsm_check_loop(L, 1);
  const char *host = luaL_checkstring(L, 2);
  struct box *box = wsm_newuserdata(L, sizeof *box);
  struct wsm_error e;
  box->lookup = NULL;
  luaL_setmetatable(L, LOOKUP);
  box->lookup = wsm_lookup_start(loop, host, &e);
  return box->lookup ? 1 : wsm_fail(L, &e);
}

static int id (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)wsm_lookup_id(check(L)));
  return 1;
}

/* result() -> a list of addresses | nil, token, detail; false: not yet */
static int result (lua_State *L) {
  const struct wsm_lookup *l = check(L);
  char address[ADDRESS_SIZE];
  struct wsm_error e;
  size_t count, i;
  if (!wsm_lookup_is_done(l)) {
    lua_pushboolean(L, 0);
    return 1;
  }
  count = wsm_lookup_count(l, &e);
  if (count == 0) return wsm_fail(L, &e);
  lua_createtable(L, (int)count, 0);
  for (i = 0; i < count; i++) {
    wsm_lookup_text(l, i, address, sizeof address);
    lua_pushstring(L, address);
    lua_rawseti(L, -2, (int)i + 1);
  }
  return 1;
}

static int close_lookup (lua_State *L) {
  struct box *box = luaL_checkudata(L, 1, LOOKUP);
  struct wsm_lookup *lookup = box->lookup;
  box->lookup = NULL;
  if (lookup) wsm_lookup_free(lookup);
  return 0;
}

/* certificate(ws, i) -> what the i-th that the peer has sent says, its own being 1; nil:
** there is none */
static int certificate (lua_State *L) {
  struct wsm_link *link = wsm_check_box(L, 1)->link;
  const int i = (int)luaL_checkinteger(L, 2);
  const struct wsm_tls *tls = wsm_link_tls(link);
  struct wsm_certificate c;
  if (!tls || !wsm_tls_certificate(tls, i - 1, &c)) return 0;
  lua_createtable(L, 0, 8);
  wsm_set_string(L, "subject", c.subject);
  wsm_set_string(L, "issuer", c.issuer);
  wsm_set_string(L, "names", c.names);
  wsm_set_string(L, "from", c.from);
  wsm_set_string(L, "until", c.until);
  wsm_set_string(L, "key", c.key);
  wsm_set_string(L, "pin", c.pin);
  wsm_set_integer(L, "days", (int)c.days);
  return 1;
}

void wsm_set_probe (lua_State *L) {
  static const luaL_Reg methods[] = { { "id", id },
                                      { "result", result },
                                      { "close", close_lookup },
                                      { NULL, NULL } };
  static const struct wsm_class class = { LOOKUP, methods, close_lookup, make };
  wsm_push_class(L, &class);
  lua_setfield(L, -2, "lookup");
  lua_pushcfunction(L, certificate);
  lua_setfield(L, -2, "certificate");
}
