#include "lua/lstats.h"

#include "lua/lfield.h"
#include "base/hidden.h"

static void set_tls (lua_State *L, const struct wsm_tls *tls) {
  if (!tls) return;
  lua_createtable(L, 0, 3);
  wsm_set_string(L, "version", wsm_tls_version(tls));
  wsm_set_string(L, "cipher", wsm_tls_cipher(tls));
  wsm_set_boolean(L, "resumed", wsm_tls_resumed(tls));
  lua_setfield(L, -2, "tls");
}

static void set_peer (lua_State *L, struct wsm_link *link) {
  char address[WSM_PEER_SIZE];
  wsm_link_peer(link, address, sizeof address);
  wsm_set_string(L, "address", address);
}

int wsm_lua_stats (lua_State *L) {
  struct wsm_link *link = wsm_check_box(L, 1)->link;
  const struct wsm_manager *m = wsm_link_manager(link);
  const struct wsm_counters *c = &m->counters;
  lua_createtable(L, 0, 16);
  wsm_set_count(L, "messages_in", c->messages_in);
  wsm_set_count(L, "messages_out", c->messages_out);
  wsm_set_count(L, "bytes_in", c->bytes_in);
  wsm_set_count(L, "bytes_out", c->bytes_out);
  wsm_set_count(L, "dials", c->attempts);
  wsm_set_count(L, "opens", c->opens);
  wsm_set_count(L, "resumed", c->resumed);
  wsm_set_count(L, "unsent", c->unsent);
  wsm_set_count(L, "failures", m->failures);
  wsm_set_count(L, "outbox", m->outbox.count);
  wsm_set_count(L, "unread", wsm_manager_unread(m));
  wsm_set_count(L, "buffered", wsm_manager_buffered(m));
  wsm_set_count(L, "pings", m->session.pings);
  wsm_set_count(L, "pongs", m->session.pongs);
  if (m->latency_ms >= 0)
    wsm_set_number(L, "latency", (double)m->latency_ms / 1000);
  set_peer(L, link);
  set_tls(L, wsm_link_tls(link));
  return 1;
}
