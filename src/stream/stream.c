#include "stream/stream.h"
#include "base/hidden.h"

void wsm_stream_init (struct wsm_stream *s,
                      const struct wsm_stream_class *class,
                      struct wsm_stream *below,
                      const struct wsm_stream_events *events) {
  s->class = class;
  s->below = below;
  if (below) wsm_stream_set_owner(below, events, s);
}

void wsm_stream_set_owner (struct wsm_stream *s,
                           const struct wsm_stream_events *events,
                           void *owner) {
  s->events = events;
  s->owner = owner;
}

static struct wsm_stream *lowest (struct wsm_stream *s) {
  while (s->below) s = s->below;
  return s;
}

void wsm_stream_pause (struct wsm_stream *s, bool pause) {
  s = lowest(s);
  s->class->pause(s, pause);
}

void wsm_stream_want_writable (struct wsm_stream *s) {
  s = lowest(s);
  s->class->want_writable(s);
}

void wsm_stream_peer (struct wsm_stream *s, char *to, size_t n) {
  s = lowest(s);
  s->class->peer(s, to, n);
}

uint64_t wsm_stream_received (struct wsm_stream *s) {
  s = lowest(s);
  return s->class->received(s);
}

void wsm_stream_look_at (struct wsm_stream *s, struct wsm_stream_look *look) {
  s = lowest(s);
  s->class->look(s, look);
}

const struct wsm_tls *wsm_stream_tls (struct wsm_stream *s) {
  return s->class->tls ? s->class->tls(s) : NULL;
}

void wsm_stream_close (struct wsm_stream *s) {
  s->owner = NULL;
  if (s->below) wsm_stream_close(s->below);
  s->below = NULL;
  if (s->inside) s->closed = true;
  else s->class->destroy(s);
}

void wsm_stream_enter (struct wsm_stream *s) {
  s->inside++;
}

void wsm_stream_leave (struct wsm_stream *s) {
  if (--s->inside == 0 && s->closed) s->class->destroy(s);
}

void wsm_stream_tell_opened (struct wsm_stream *s) {
  if (s->owner) s->events->opened(s->owner);
}

void wsm_stream_tell_readable (struct wsm_stream *s) {
  if (s->owner) s->events->readable(s->owner);
}

void wsm_stream_tell_writable (struct wsm_stream *s) {
  if (s->owner) s->events->writable(s->owner);
}

/* Once: what follows is no news. */
void wsm_stream_tell_lost (struct wsm_stream *s, const struct wsm_error *e) {
  void *owner = s->owner;
  s->owner = NULL;
  if (owner) s->events->lost(owner, e);
}

bool wsm_stream_tell_half_closed (struct wsm_stream *s) {
  return s->owner && s->events->half_closed && s->events->half_closed(s->owner);
}
