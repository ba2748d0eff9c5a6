#include "stream/proxy_stream.h"

#include "base/memory.h"
#include "proxy/proxy_handshake.h"
#include "base/hidden.h"

#define READ_SIZE 4096 /* bytes asked for at once during the handshake */

struct proxy_stream {
  struct wsm_stream stream;
  struct wsm_proxy_handshake handshake;
  struct wsm_buffer in;  /* not yet read; once open: the peer's first bytes */
  struct wsm_buffer out; /* to the proxy, not yet written */
  bool open;
};

static struct proxy_stream *of (struct wsm_stream *s) {
  return (struct proxy_stream *)(void *)s; /* its first member */
}

/* --- its owner's side --- */

static void start (struct wsm_stream *s) {
  wsm_stream_start(s->below);
}

static size_t read_from (struct wsm_stream *s, struct wsm_buffer *to,
                         size_t n) {
  struct proxy_stream *p = of(s);
  const size_t early = wsm_buffer_length(&p->in);
  if (early == 0) return wsm_stream_read(s->below, to, n);
  if (!wsm_buffer_append(to, wsm_buffer_bytes(&p->in), early)) return 0;
  wsm_buffer_clear(&p->in);
  return early;
}

static size_t write_to (struct wsm_stream *s, const void *bytes, size_t n) {
  return of(s)->open ? wsm_stream_write(s->below, bytes, n) : 0;
}

static bool finish (struct wsm_stream *s) {
  return wsm_stream_finish(s->below);
}

static void destroy (struct wsm_stream *s) {
  wsm_buffer_clear(&of(s)->in);
  wsm_buffer_clear(&of(s)->out);
  wsm_free(s);
}

static const struct wsm_stream_class class = { .start = start,
                                               .read = read_from,
                                               .write = write_to,
                                               .finish = finish,
                                               .destroy = destroy };

/* --- the handshake with the proxy --- */

static void flush (struct proxy_stream *p) {
  size_t n = wsm_buffer_length(&p->out);
  if (n == 0) return;
  n = wsm_stream_write(p->stream.below, wsm_buffer_bytes(&p->out), n);
  wsm_buffer_consume(&p->out, n);
}

/* Bytes behind the proxy's last response are the peer's. */
static void open_tunnel (struct proxy_stream *p) {
  const size_t early = wsm_buffer_length(&p->in);
  struct wsm_error e;
  p->open = true;
  wsm_stream_tell_opened(&p->stream);
  if (early > 0) wsm_stream_tell_readable(&p->stream);
  if (wsm_buffer_length(&p->in) == 0) return;
  wsm_error_set(&e, WSM_FULL, "no memory for %zu bytes of the peer", early);
  wsm_stream_tell_lost(&p->stream, &e);
}

static void read_handshake (struct proxy_stream *p) {
  struct wsm_error e;
  if (wsm_stream_read(p->stream.below, &p->in, READ_SIZE) == 0) return;
  switch (wsm_proxy_handshake_read(&p->handshake, &p->in, &p->out, &e)) {
    case WSM_PROXY_HANDSHAKE_MORE:
      flush(p);
      break;
    case WSM_PROXY_HANDSHAKE_OPEN:
      open_tunnel(p);
      break;
    case WSM_PROXY_HANDSHAKE_FAILED:
      wsm_stream_tell_lost(&p->stream, &e);
      break;
  }
}

/* --- events of the stream below --- */

static void on_opened (void *owner) {
  struct proxy_stream *p = owner;
  struct wsm_error e;
  wsm_stream_enter(&p->stream);
  if (wsm_proxy_handshake_start(&p->handshake, &p->out, &e)) flush(p);
  else wsm_stream_tell_lost(&p->stream, &e);
  wsm_stream_leave(&p->stream);
}

static void on_readable (void *owner) {
  struct proxy_stream *p = owner;
  wsm_stream_enter(&p->stream);
  if (p->open) wsm_stream_tell_readable(&p->stream);
  else read_handshake(p);
  wsm_stream_leave(&p->stream);
}

static void on_writable (void *owner) {
  struct proxy_stream *p = owner;
  wsm_stream_enter(&p->stream);
  if (p->open) wsm_stream_tell_writable(&p->stream);
  else flush(p);
  wsm_stream_leave(&p->stream);
}

/* Names the proxy for an end or a reset in the middle of the handshake; an error
** of TLS with the proxy names it already. */
static void on_lost (void *owner, const struct wsm_error *e) {
  struct proxy_stream *p = owner;
  struct wsm_error ended;
  wsm_stream_enter(&p->stream);
  if (!p->open && (!e || e->token == WSM_CLOSED)) {
    wsm_proxy_handshake_ended(&p->handshake, &ended);
    e = &ended;
  }
  wsm_stream_tell_lost(&p->stream, e);
  wsm_stream_leave(&p->stream);
}

static const struct wsm_stream_events events = { on_opened, on_readable,
                                                 on_writable, on_lost, NULL };

struct wsm_stream *
wsm_proxy_stream_new (struct wsm_stream *below,
                      const struct wsm_proxy_stream_setup *setup,
                      struct wsm_error *e) {
  struct proxy_stream *p = wsm_zalloc(sizeof *p);
  if (!p) {
    wsm_error_set(e, WSM_FULL, "no memory for a proxy");
    wsm_stream_close(below);
    return NULL;
  }
  p->handshake.proxy = setup->proxy;
  p->handshake.host = setup->host;
  p->handshake.port = setup->port;
  p->in.pool = p->out.pool = setup->pool;
  wsm_stream_init(&p->stream, &class, below, &events);
  return &p->stream;
}
