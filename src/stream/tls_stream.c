#include "stream/tls_stream.h"

#include <stdint.h>
#include <string.h>
#include "base/memory.h"
#include "io/loop.h"
#include "tls/tls.h"
#include "base/hidden.h"

#define RECORDS 4          /* encrypted and not yet written */
#define RECORD_BYTES 16384 /* of plaintext, RFC 8446 5.1 */

/* The bytes of an encrypted record, and of the plaintext in it. */
struct record {
  size_t cipher, plain;
};

struct tls_stream {
  struct wsm_stream stream;
  struct wsm_loop *loop;
  struct wsm_tls *tls;
  const char *peer;
  char *host;
  struct wsm_buffer
    early; /* plaintext that came with the end of the handshake */
  struct record records[RECORDS];
  size_t record_count;
  size_t completed; /* plaintext of written records, not yet counted by write */
  enum wsm_tls_status status;
  bool open;
  bool heard;    /* the peer has said something */
  bool blocked;  /* the stream below takes no more: its `writable` comes */
  bool finished; /* close_notify is in the output */
  bool failed;   /* error says why; `lost` is to be told */
  struct wsm_error error;
};

static struct tls_stream *of (struct wsm_stream *s) {
  return (struct tls_stream *)(void *)s; /* its first member */
}

static void name_peer (const char *peer, struct wsm_error *e) {
  const struct wsm_error bare = *e;
  if (!peer) return;
  wsm_error_set(e, bare.token, "TLS with %s: %s", peer, bare.detail);
  e->final = bare.final;
}

static void fail (struct tls_stream *t, const struct wsm_error *e) {
  t->failed = true;
  t->error = *e;
  name_peer(t->peer, &t->error);
}

/* --- out --- */

/* n bytes of ciphertext were written: so were the records they end. */
static void count_records (struct tls_stream *t, size_t n) {
  size_t done = 0;
  while (done < t->record_count && n >= t->records[done].cipher) {
    n -= t->records[done].cipher;
    t->completed += t->records[done].plain;
    done++;
  }
  t->record_count -= done;
  memmove(t->records, t->records + done, t->record_count * sizeof *t->records);
  if (t->record_count > 0) t->records[0].cipher -= n;
}

/* Hands ciphertext to the stream below; true when it has all of it. */
static bool flush (struct tls_stream *t) {
  struct wsm_buffer *out = wsm_tls_output(t->tls);
  size_t n = wsm_buffer_length(out);
  if (n == 0) return true;
  if (t->blocked) return false;
  n = wsm_stream_write(t->stream.below, wsm_buffer_bytes(out), n);
  t->blocked = n < wsm_buffer_length(out);
  wsm_buffer_consume(out, n);
  count_records(t, n);
  return !t->blocked;
}

/* Encrypts as many of n bytes as RECORDS hold. false: it has failed. */
static bool encrypt (struct tls_stream *t, const unsigned char *bytes,
                     size_t n) {
  const struct wsm_buffer *out = wsm_tls_output(t->tls);
  struct wsm_error e;
  while (n > 0 && t->record_count < RECORDS) {
    struct record *record = &t->records[t->record_count];
    const size_t before = wsm_buffer_length(out);
    record->plain = n < RECORD_BYTES ? n : RECORD_BYTES;
    if (!wsm_tls_seal(t->tls, bytes, record->plain, &e)) {
      fail(t, &e);
      return false;
    }
    record->cipher = wsm_buffer_length(out) - before;
    t->record_count++;
    bytes += record->plain;
    n -= record->plain;
  }
  return true;
}

/* Has the failure told once the stack below has returned to the loop. */
static size_t tell_failure_later (struct tls_stream *t) {
  wsm_stream_want_writable(t->stream.below);
  return 0;
}

static size_t write_to (struct wsm_stream *s, const void *bytes, size_t n) {
  struct tls_stream *t = of(s);
  const unsigned char *from = bytes;
  size_t taken = 0;
  if (!t->open || t->finished) return 0;
  while (!t->failed) {
    const bool flushed = flush(t);
    taken += t->completed;
    t->completed = 0;
    if (!flushed || taken == n) return taken;
    if (!encrypt(t, from + taken, n - taken)) break;
  }
  return taken + tell_failure_later(t);
}

static bool finish (struct wsm_stream *s) {
  struct tls_stream *t = of(s);
  if (!t->finished) wsm_tls_close(t->tls);
  t->finished = true;
  return flush(t) && wsm_stream_finish(s->below);
}

/* --- in --- */

/* Decrypts what one read of the stream below brings. */
static void decrypt (struct tls_stream *t, struct wsm_buffer *to) {
  struct wsm_buffer cipher = wsm_loop_take_scratch(t->loop);
  const size_t n = wsm_stream_read(t->stream.below, &cipher, WSM_SCRATCH_SIZE);
  struct wsm_error e;
  if (n > 0) {
    t->heard = true;
    t->status = wsm_tls_feed(t->tls, wsm_buffer_bytes(&cipher), n, to, &e);
    if (t->status == WSM_TLS_FAILED) fail(t, &e);
  }
  wsm_loop_give_scratch(t->loop, &cipher);
  flush(t); /* of the handshake, a key update, or an alert */
}

static size_t read_from (struct wsm_stream *s, struct wsm_buffer *to,
                         size_t n) {
  struct tls_stream *t = of(s);
  const size_t before = wsm_buffer_length(to);
  (void)n;
  if (wsm_buffer_length(&t->early) > 0) {
    if (!wsm_buffer_append(to, wsm_buffer_bytes(&t->early),
                           wsm_buffer_length(&t->early))) {
      struct wsm_error e;
      wsm_error_set(&e, WSM_FULL, "no memory for %zu bytes of the peer",
                    wsm_buffer_length(&t->early));
      fail(t, &e);
    }
    wsm_buffer_clear(&t->early);
  } else {
    decrypt(t, to);
  }
  return wsm_buffer_length(to) - before;
}

/* --- events of the stream below --- */

static void set_early_end (const struct tls_stream *t, struct wsm_error *e) {
  const char *who = t->peer ? t->peer : t->host ? t->host : "the client";
  const bool is_target = t->host && !t->peer;
  wsm_error_set(
    e, WSM_TLS, "%s ended the connection during the TLS handshake%s", who,
    is_target && !t->heard ? "; is it the right port, or ws instead of wss?"
                           : "");
}

/* Tells the end that a read or a write met with. */
static void tell_end (struct tls_stream *t) {
  struct wsm_error e;
  if (t->failed) {
    wsm_stream_tell_lost(&t->stream, &t->error);
  } else if (t->status == WSM_TLS_ENDED) {
    if (!t->open) set_early_end(t, &e);
    wsm_stream_tell_lost(&t->stream, t->open ? NULL : &e);
  }
}

static void update_handshake (struct tls_stream *t) {
  if (t->open || t->failed || t->status != WSM_TLS_OPEN) return;
  t->open = true;
  wsm_stream_tell_opened(&t->stream);
}

static void on_opened (void *owner) {
  struct tls_stream *t = owner;
  struct wsm_error e;
  wsm_stream_enter(&t->stream);
  if (t->host) {
    t->status = wsm_tls_start(t->tls, &e);
    if (t->status == WSM_TLS_FAILED) fail(t, &e);
    flush(t);
    tell_end(t);
  }
  wsm_stream_leave(&t->stream);
}

static void on_readable (void *owner) {
  struct tls_stream *t = owner;
  wsm_stream_enter(&t->stream);
  if (!t->open) {
    decrypt(t, &t->early);
    update_handshake(t);
    if (wsm_buffer_length(&t->early) > 0) wsm_stream_tell_readable(&t->stream);
  } else {
    wsm_stream_tell_readable(&t->stream);
  }
  tell_end(t);
  wsm_stream_leave(&t->stream);
}

static void on_writable (void *owner) {
  struct tls_stream *t = owner;
  wsm_stream_enter(&t->stream);
  t->blocked = false;
  if (t->failed) {
    tell_end(t);
  } else {
    flush(t);
    if (t->open || t->finished) wsm_stream_tell_writable(&t->stream);
  }
  wsm_stream_leave(&t->stream);
}

static void on_lost (void *owner, const struct wsm_error *e) {
  struct tls_stream *t = owner;
  struct wsm_error early;
  wsm_stream_enter(&t->stream);
  if (t->failed) e = &t->error;
  else if (!t->open && !t->finished) {
    set_early_end(t, &early);
    e = &early;
  }
  wsm_stream_tell_lost(&t->stream, e);
  wsm_stream_leave(&t->stream);
}

/* RFC 8446 6.1: without a close_notify the end may be an attacker's. */
static const struct wsm_stream_events events = { on_opened, on_readable,
                                                 on_writable, on_lost, NULL };

/* --- life --- */

static void start (struct wsm_stream *s) {
  wsm_stream_start(s->below);
}

static const struct wsm_tls *tls_of (struct wsm_stream *s) {
  return of(s)->tls;
}

static void destroy (struct wsm_stream *s) {
  struct tls_stream *t = of(s);
  wsm_tls_free(t->tls);
  wsm_buffer_clear(&t->early);
  wsm_free(t->host);
  wsm_free(t);
}

static const struct wsm_stream_class class = { .start = start,
                                               .read = read_from,
                                               .write = write_to,
                                               .finish = finish,
                                               .destroy = destroy,
                                               .tls = tls_of };

static bool set_up (struct tls_stream *t,
                    const struct wsm_tls_stream_setup *setup,
                    struct wsm_error *e) {
  struct wsm_tls_setup tls;
  t->loop = setup->loop;
  t->peer = setup->peer;
  t->early.pool = wsm_loop_pool(setup->loop);
  wsm_error_set(e, WSM_FULL, "no memory for TLS");
  if (setup->host && !(t->host = wsm_strdup(setup->host))) return false;
  tls.host = setup->host;
  tls.pool = t->early.pool;
  tls.anonymous = setup->anonymous;
  tls.other_host = setup->other_host;
  t->tls = wsm_tls_new(setup->context, &tls, e);
  return t->tls != NULL;
}

struct wsm_stream *wsm_tls_stream_new (struct wsm_stream *below,
                                       const struct wsm_tls_stream_setup *setup,
                                       struct wsm_error *e) {
  struct tls_stream *t = wsm_zalloc(sizeof *t);
  if (t && set_up(t, setup, e)) {
    wsm_stream_init(&t->stream, &class, below, &events);
    return &t->stream;
  }
  if (t) destroy(&t->stream);
  else wsm_error_set(e, WSM_FULL, "no memory for TLS");
  name_peer(setup->peer, e);
  wsm_stream_close(below);
  return NULL;
}
