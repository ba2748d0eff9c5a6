#include "link/notes.h"

#include <stdio.h>
#include <string.h>
#include "link/route.h"
#include "observe/observer.h"
#include "observe/tap.h"
#include "websocket/deflate.h"
#include "websocket/output.h"
#include "base/hidden.h"

#define PEER 80 /* of an address with its port */

static void note (struct wsm_link *l, const struct wsm_noted *noted) {
  wsm_state_note(&l->manager, noted, wsm_driver_now(l));
}

/* Without user and query, which may be secret. */
static void write_url (const struct wsm_url *url, char *to, size_t n) {
  const char *query = url->target.length
                        ? memchr(url->target.text, '?', url->target.length)
                        : NULL;
  const size_t path = query ? (size_t)(query - url->target.text)
                            : url->target.length;
  snprintf(to, n, "%s://%s%.*s%s:%d%.*s", url->secure ? "wss" : "ws",
           url->ipv6 ? "[" : "", (int)url->host.length, url->host.text,
           url->ipv6 ? "]" : "", url->port, (int)path,
           path ? url->target.text : "");
}

void wsm_notes_connecting (struct wsm_link *l) {
  const struct wsm_manager *m = &l->manager;
  char text[2 * WSM_NOTE_TEXT];
  size_t n;
  write_url(wsm_manager_url(m), text, WSM_NOTE_TEXT);
  n = strlen(text);
  snprintf(text + n, sizeof text - n, "\n%s",
           m->proxy_name ? m->proxy_name : "");
  note(l, &(struct wsm_noted){ WSM_NOTE_CONNECTING, m->failures, 0, text });
}

void wsm_notes_redirect (struct wsm_link *l) {
  char text[WSM_NOTE_TEXT];
  write_url(wsm_manager_url(&l->manager), text, sizeof text);
  note(l, &(struct wsm_noted){ WSM_NOTE_REDIRECT, 0, 0, text });
}

void wsm_notes_started (struct wsm_link *l) {
  struct wsm_journal *j = l->manager.journal;
  char text[PEER];
  if (j->tap) wsm_tap_restart(j->tap);
  wsm_stream_peer(l->transfer.stream, text, sizeof text);
  note(l, &(struct wsm_noted){ WSM_NOTE_TCP, 0, 0, text });
}

void wsm_notes_accepted (struct wsm_link *l) {
  if (wsm_observer_set(&l->manager.journal, true, 0)) wsm_notes_started(l);
}

void wsm_notes_connected (struct wsm_link *l) {
  const struct wsm_tls *tls = wsm_stream_tls(l->transfer.stream);
  char text[WSM_NOTE_TEXT];
  struct wsm_noted noted = { WSM_NOTE_CONNECTED, 0, 0, text };
  snprintf(text, sizeof text, "%s\n%s", tls ? wsm_tls_version(tls) : "",
           tls ? wsm_tls_cipher(tls) : "");
  noted.a = tls && wsm_tls_resumed(tls);
  note(l, &noted);
}

void wsm_notes_demoted (struct wsm_link *l) {
  note(l, &(struct wsm_noted){ WSM_NOTE_DEMOTED, 0, 0, NULL });
}

/* --- in the middle --- */

/* What was received and not yet parsed is no news. */
static void join_input (struct wsm_tap *t, const struct wsm_session *s) {
  struct wsm_journal nowhere;
  struct wsm_tap_bytes fed = { WSM_TAP_IN, NULL, 0, 0 };
  memset(&nowhere, 0, sizeof nowhere);
  wsm_tap_skip(t, WSM_TAP_IN, s->remaining);
  if (!s->in.data) return;
  fed.bytes = s->in.data + s->in.start + s->parsed;
  fed.n = wsm_buffer_length(&s->in) - s->parsed;
  wsm_tap_feed(t, &nowhere, &fed);
}

static void join_output (struct wsm_tap *t, const struct wsm_session *s) {
  const struct wsm_deflate *d = s->deflate;
  const bool encoded = d && wsm_buffer_length(&d->encoded) > 0;
  const struct wsm_buffer *out = encoded ? &d->encoded : &s->out;
  const size_t sent = encoded ? d->sent : s->sent;
  const size_t n = wsm_buffer_length(out);
  struct wsm_frame f;
  size_t at = 0;
  while (at < sent) at += wsm_output_frame_length(out, at, &f);
  /* the 101 waits: the frames begin behind it */
  if (at < n && !(out->data[out->start + at] & WSM_FIN)) return;
  wsm_tap_skip(t, WSM_TAP_OUT, at - sent);
}

bool wsm_link_observe (struct wsm_link *l, bool on, uint32_t keep) {
  struct wsm_manager *m = &l->manager;
  const bool had_tap = m->journal && m->journal->tap &&
                       m->journal->tap->keep == keep;
  if (!wsm_observer_set(&m->journal, on, keep)) return false;
  if (!on || keep == 0 || had_tap || !wsm_state_has_session(m)) return true;
  join_input(m->journal->tap, &m->session);
  join_output(m->journal->tap, &m->session);
  return true;
}
