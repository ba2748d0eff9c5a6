#include "link/link_internal.h"

#include <string.h>

#define READ_LEAST 4096        /* what a connection that was quiet asks for */
#define READ_MOST (256u << 10) /* what one that is busy does */

/* --- out --- */

size_t wsm_carry_now (struct wsm_link *l, const void *bytes, size_t n) {
  long taken = l->tunnel ? wsm_tunnel_write(l, bytes, n)
                         : wsm_socket_write(l->socket, bytes, n);
  wsm_loop_count(l->post.loop)->writes++;
  l->blocked = taken < 0 || (size_t)taken < n;
  return taken < 0 ? 0 : (size_t)taken;
}

static void write_plain (struct wsm_link *l) {
  size_t n;
  const unsigned char *bytes = wsm_session_output(&l->manager.session, &n);
  if (n == 0) return;
  wsm_link_supply(l);
  wsm_manager_wrote(&l->manager, wsm_carry_now(l, bytes, n), wsm_link_now(l));
}

/* n bytes of ciphertext are with the kernel: so are the records they end. */
static void settle (struct wsm_link *l, size_t n) {
  size_t done = 0;
  wsm_link_supply(l);
  while (done < l->record_count && n >= l->records[done].cipher) {
    n -= l->records[done].cipher;
    wsm_manager_wrote(&l->manager, l->records[done].plain, wsm_link_now(l));
    done++;
  }
  l->record_count -= done;
  memmove(l->records, l->records + done, l->record_count * sizeof *l->records);
  if (l->record_count > 0) l->records[0].cipher -= n;
}

/* true when all ciphertext is with the kernel. */
static bool write_cipher (struct wsm_link *l) {
  struct wsm_buffer *out = wsm_tls_output(l->tls);
  size_t n = wsm_buffer_length(out);
  if (n > 0) {
    n = wsm_carry_now(l, wsm_buffer_bytes(out), n);
    wsm_buffer_consume(out, n);
    settle(l, n);
  }
  return wsm_buffer_length(out) == 0;
}

/* Seals the next record of n bytes of output. false: the link has failed. */
static bool seal (struct wsm_link *l, const unsigned char *bytes, size_t n) {
  const struct wsm_buffer *out = wsm_tls_output(l->tls);
  size_t before = wsm_buffer_length(out);
  struct wsm_record *record = &l->records[l->record_count];
  struct wsm_error e;
  if (!wsm_tls_seal(l->tls, bytes, n, &e)) {
    wsm_link_fail(l, &e);
    return false;
  }
  record->plain = n;
  record->cipher = wsm_buffer_length(out) - before;
  l->record_count++;
  return true;
}

static void write_sealed (struct wsm_link *l) {
  while (write_cipher(l) && l->tls_open) {
    size_t n;
    const unsigned char *bytes = wsm_session_output(&l->manager.session, &n);
    if (n == 0) return;
    while (n > 0 && l->record_count < WSM_RECORDS) {
      size_t part = n < WSM_RECORD_BYTES ? n : WSM_RECORD_BYTES;
      if (!seal(l, bytes, part)) return;
      bytes += part;
      n -= part;
    }
  }
}

/* The last bytes, and then the end. */
static void finish (struct wsm_link *l) {
  if (l->finished || l->blocked || wsm_session_pending(&l->manager.session))
    return;
  if (l->tls && l->tls_open) {
    wsm_tls_close(l->tls);
    l->tls_open = false;
    if (!write_cipher(l)) return;
  }
  if (l->tunnel && !wsm_tunnel_finish(l)) return;
  l->finished = true;
  wsm_socket_finish(l->socket);
}

void wsm_carry_out (struct wsm_link *l) {
  if (!l->socket || l->blocked) return;
  if (l->tls) write_sealed(l);
  else write_plain(l);
  if (l->socket && l->manager.want == WSM_WANT_FLUSH) finish(l);
}

/* --- in --- */

/* A server has nothing to say before it has heard the request. */
void wsm_carry_opened (struct wsm_link *l) {
  if (l->manager.role == WSM_CLIENT)
    wsm_manager_connected(&l->manager, wsm_link_now(l));
}

static void say_early_end (const struct wsm_link *l, struct wsm_error *e) {
  wsm_error_set(e, WSM_TLS, "%s ended the connection during the TLS handshake",
                l->host ? l->host : "the client");
}

static void on_tls (struct wsm_link *l, enum wsm_tls_status status,
                    struct wsm_error *e) {
  switch (status) {
    case WSM_TLS_HANDSHAKE:
      break;
    case WSM_TLS_OPEN:
      if (!l->tls_open) {
        l->tls_open = true;
        l->manager.counters.resumed += wsm_tls_resumed(l->tls);
        wsm_carry_opened(l);
      }
      break;
    case WSM_TLS_ENDED:
      if (!l->tls_open) say_early_end(l, e);
      wsm_link_fail(l, l->tls_open ? NULL : e);
      break;
    case WSM_TLS_FAILED:
      write_cipher(l); /* the alert */
      wsm_link_fail(l, e);
      break;
  }
}

static void open_seal (struct wsm_link *l, const unsigned char *bytes,
                       size_t n) {
  struct wsm_error e;
  struct wsm_buffer *in = &l->manager.session.in;
  size_t before = wsm_buffer_length(in);
  bool was_open = l->tls_open;
  enum wsm_tls_status status = wsm_tls_feed(l->tls, bytes, n, in, &e);
  size_t plain = wsm_buffer_length(in) - before;
  if (!was_open) on_tls(l, status, &e);
  if (plain > 0 && l->socket)
    wsm_manager_received(&l->manager, plain, wsm_link_now(l));
  if (was_open) on_tls(l, status, &e);
  if (l->tls && wsm_buffer_length(wsm_tls_output(l->tls)) > 0) wsm_carry_out(l);
}

/* Where n bytes of the peer go; NULL: the link has failed. */
static unsigned char *make_room (struct wsm_link *l, size_t n) {
  struct wsm_error e;
  unsigned char *to = wsm_session_reserve(&l->manager.session, n);
  if (to) return to;
  wsm_error_set(&e, WSM_FULL, "no memory for %zu bytes of the peer", n);
  wsm_link_fail(l, &e);
  return NULL;
}

static void received (struct wsm_link *l, size_t n) {
  wsm_session_commit(&l->manager.session, n);
  if (n > 0) wsm_manager_received(&l->manager, n, wsm_link_now(l));
}

static void acted_on (struct wsm_link *l) {
  /* nothing follows the answer to a close: it waits for no end of the turn */
  if (l->manager.state == WSM_STATE_CLOSING) wsm_carry_out(l);
  wsm_link_act(l);
  if (l->manager.session.held) wsm_handle_mark_pending(&l->post);
}

void wsm_carry_in (struct wsm_link *l, const unsigned char *bytes, size_t n) {
  unsigned char *to;
  wsm_link_supply(l);
  if (l->tls) {
    open_seal(l, bytes, n);
  } else if ((to = make_room(l, n))) {
    memcpy(to, bytes, n);
    received(l, n);
  }
  acted_on(l);
}

static size_t take (struct wsm_link *l, unsigned char *to, size_t n) {
  wsm_loop_count(l->post.loop)->reads++;
  return wsm_socket_read(l->socket, to, n);
}

static void read_sealed (struct wsm_link *l) {
  unsigned char *scratch = wsm_loop_scratch(l->post.loop);
  const size_t n = take(l, scratch, WSM_SCRATCH_SIZE);
  if (n > 0) open_seal(l, scratch, n);
}

/* Straight to where the message grows. 0 also when the link has failed. */
static size_t read_once (struct wsm_link *l, size_t n) {
  unsigned char *to = make_room(l, n);
  size_t got;
  if (!to) return 0;
  got = take(l, to, n);
  received(l, got);
  return got;
}

static size_t room_of (const struct wsm_link *l) {
  return (size_t)READ_LEAST << 2 * l->appetite;
}

/* A read that finds all it asked for has the next one ask for more, a wake-up
** that brings little for less. */
static void read_plain (struct wsm_link *l) {
  size_t room, asked, got, all = 0;
  do {
    room = room_of(l);
    asked = wsm_session_room(&l->manager.session, room);
    got = read_once(l, asked);
    all += got;
    if (got >= room && room < READ_MOST) l->appetite++;
  } while (got == room && room < READ_MOST);
  if (got < asked && all < room / 8 && l->appetite > 0) l->appetite--;
}

static void on_readable (void *owner) {
  struct wsm_link *l = owner;
  wsm_link_supply(l);
  if (l->tls) read_sealed(l);
  else read_plain(l);
  acted_on(l);
}

static void on_writable (void *owner) {
  struct wsm_link *l = owner;
  l->blocked = false;
  wsm_carry_out(l);
  wsm_link_act(l);
}

static void on_lost (void *owner, bool reset) {
  struct wsm_link *l = owner;
  struct wsm_error e;
  bool handshake = l->tls && !l->tls_open && !l->finished;
  l->socket = NULL;
  if (handshake) say_early_end(l, &e);
  else if (reset)
    wsm_error_set(&e, WSM_CLOSED, "the peer reset the connection");
  wsm_link_fail(l, handshake || reset ? &e : NULL);
  wsm_link_act(l);
}

const struct wsm_socket_calls wsm_carry_calls = { on_readable, on_writable,
                                                  on_lost };

void wsm_carry_secure (struct wsm_link *l) {
  struct wsm_error e;
  if (!l->tls_context) {
    wsm_error_set(&e, WSM_TLS, "there are no TLS rules for %s", l->host);
    e.final = true;
    wsm_link_fail(l, &e);
    return;
  }
  l->tls =
    wsm_tls_new(l->tls_context, l->host, wsm_loop_pool(l->post.loop), &e);
  if (!l->tls) wsm_link_fail(l, &e);
  else if (l->host) on_tls(l, wsm_tls_start(l->tls, &e), &e);
  if (l->tls) wsm_carry_out(l);
}
