#include "lua/lstats.h"

#include "lua/lfield.h"
#include "base/hidden.h"

/* Read at once: what is set in the table may run a finalizer, which may turn the
** loop. */
struct snapshot {
  struct wsm_counters counters;
  uint32_t failures;
  size_t outbox, unacknowledged, unread, buffered;
  uint64_t pings, pongs;
  int64_t latency_ms;
  double smoothed_ms, p99_ms; /* negative: none was measured */
  int64_t age_ms;             /* negative: it is not open */
  char address[WSM_PEER_SIZE];
  const char *version, *cipher; /* OpenSSL's own; NULL: no TLS */
  bool resumed;
};

static void take_snapshot (struct snapshot *s, struct wsm_link *link) {
  const struct wsm_manager *m = wsm_link_manager(link);
  const struct wsm_tls *tls = wsm_link_tls(link);
  s->counters = m->counters;
  s->failures = m->failures;
  s->outbox = m->outbox.count;
  s->unacknowledged = wsm_delivery_messages(m) ? wsm_delivery_messages(m)->count
                                               : 0;
  s->unread = wsm_manager_unread(m);
  s->buffered = wsm_manager_buffered(m);
  s->pings = m->session.pings;
  s->pongs = m->session.pongs;
  s->latency_ms = m->latency_ms;
  s->smoothed_ms = s->p99_ms = -1;
  s->age_ms = m->state == WSM_STATE_OPEN
                ? (int64_t)(wsm_link_now(link) - m->opened_ms)
                : -1;
  if (m->latencies) {
    s->smoothed_ms = m->latencies->smoothed_ms;
    s->p99_ms = wsm_latency_p99(m->latencies);
  }
  wsm_link_peer(link, s->address, sizeof s->address);
  s->version = tls ? wsm_tls_version(tls) : NULL;
  s->cipher = tls ? wsm_tls_cipher(tls) : NULL;
  s->resumed = tls && wsm_tls_resumed(tls);
}

static void set_tls (lua_State *L, const struct snapshot *s) {
  lua_createtable(L, 0, 3);
  wsm_set_string(L, "version", s->version);
  wsm_set_string(L, "cipher", s->cipher);
  wsm_set_boolean(L, "resumed", s->resumed);
  lua_setfield(L, -2, "tls");
}

int wsm_lua_stats (lua_State *L) {
  struct snapshot s;
  take_snapshot(&s, wsm_check_box(L, 1)->link);
  lua_createtable(L, 0, 29);
  wsm_set_count(L, "messages_in", s.counters.messages_in);
  wsm_set_count(L, "messages_out", s.counters.messages_out);
  wsm_set_count(L, "bytes_in", s.counters.bytes_in);
  wsm_set_count(L, "bytes_out", s.counters.bytes_out);
  wsm_set_count(L, "dials", s.counters.attempts);
  wsm_set_count(L, "opens", s.counters.opens);
  wsm_set_count(L, "epoch", s.counters.epoch);
  wsm_set_count(L, "resumed", s.counters.resumed);
  wsm_set_count(L, "unsent", s.counters.unsent);
  wsm_set_count(L, "unread_dropped", s.counters.unread);
  wsm_set_count(L, "dropped", s.counters.dropped);
  wsm_set_count(L, "uncertain", s.counters.uncertain);
  wsm_set_count(L, "heartbeats", s.counters.heartbeats);
  wsm_set_count(L, "timeouts", s.counters.timeouts);
  wsm_set_count(L, "pauses", s.counters.pauses);
  wsm_set_count(L, "failures", s.failures);
  wsm_set_count(L, "outbox", s.outbox);
  wsm_set_count(L, "unacknowledged", s.unacknowledged);
  wsm_set_count(L, "unread", s.unread);
  wsm_set_count(L, "buffered", s.buffered);
  wsm_set_count(L, "pings", s.pings);
  wsm_set_count(L, "pongs", s.pongs);
  if (s.latency_ms >= 0)
    wsm_set_number(L, "latency", (double)s.latency_ms / 1000);
  if (s.smoothed_ms >= 0) {
    wsm_set_number(L, "latency_smoothed", s.smoothed_ms / 1000);
    wsm_set_number(L, "latency_p99", s.p99_ms / 1000);
  }
  if (s.age_ms >= 0) wsm_set_number(L, "age", (double)s.age_ms / 1000);
  wsm_set_string(L, "address", s.address);
  if (s.version) set_tls(L, &s);
  return 1;
}
