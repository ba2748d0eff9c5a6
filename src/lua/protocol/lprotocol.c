#include "lua/protocol/lprotocol.h"

#include "lua/lcheck.h"
#include "lua/protocol/spec_policy.h"
#include "base/hidden.h"

static const struct {
  const char *name;
  void (*push)(lua_State *L);
} fields[] = { { "utf8stream", wsm_push_utf8_stream },
               { "session", wsm_push_session },
               { "manager", wsm_push_manager },
               { "policy", wsm_push_policy },
               { "queue", wsm_push_queue },
               { "buffer", wsm_push_buffer },
               { "heap", wsm_push_heap },
               { "rate", wsm_push_rate },
               { "ids", wsm_push_ids },
               { "tlspipe", wsm_push_tls_pipe } };

void wsm_push_protocol (lua_State *L) {
  size_t i;
  lua_newtable(L);
  wsm_set_checks(L);
  wsm_set_frames(L);
  wsm_set_heads(L);
  wsm_set_handshake(L);
  wsm_set_deflate(L);
  wsm_set_redirects(L);
  wsm_set_proxies(L);
  for (i = 0; i < sizeof fields / sizeof *fields; i++) {
    fields[i].push(L);
    lua_setfield(L, -2, fields[i].name);
  }
}
