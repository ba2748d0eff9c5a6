#include "tls/tls.h"

#include <string.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include "base/memory.h"
#include "tls/context.h"
#include "tls/tls_error.h"
#include "tls/verify.h"
#include "tls/bio.h"

#define RECORD_SIZE 16384 /* plaintext of a record, RFC 8446 5.1 */
#define RECORD_EXTRA 64   /* more than its head, nonce, tag and padding */

struct wsm_tls {
  SSL *ssl;
  struct wsm_tls_peer peer;
  struct wsm_bio wire;
  enum wsm_tls_status status;
};

static bool no_memory (struct wsm_error *e) {
  wsm_error_set(e, WSM_FULL, "no memory for TLS");
  return false;
}

/* --- a connection begins --- */

/* RFC 6066 3: no trailing dot; a zone is this machine's own matter. */
static char *plain_name (const char *host) {
  char *name = wsm_strdup(host);
  size_t n;
  if (!name) return NULL;
  n = strcspn(name, "%");
  if (n > 0 && name[n - 1] == '.') n--;
  name[n] = '\0';
  return name;
}

/* Names the peer to OpenSSL: what is verified and what is sent. */
static bool aim (struct wsm_tls *t, struct wsm_error *e) {
  char *name = t->peer.host;
  /* an empty name would switch the check off */
  if (*name == '\0') {
    wsm_error_set(e, WSM_TLS, "TLS needs the name of the host");
    return false;
  }
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), name)) return true;
  SSL_set_hostflags(t->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (SSL_set1_host(t->ssl, name) && SSL_set_tlsext_host_name(t->ssl, name))
    return true;
  wsm_error_set(e, WSM_TLS, "%.120s is no host name that TLS can verify", name);
  return false;
}

static void resume (struct wsm_tls *t) {
  SSL_SESSION *session = wsm_tls_context_session(t->peer.context, t->peer.host);
  if (!session) return;
  SSL_set_session(t->ssl, session);
  SSL_SESSION_free(session);
}

static bool be_client (struct wsm_tls *t, const char *host,
                       struct wsm_error *e) {
  const char *named = t->peer.context->hostname;
  const char *name = named ? named : host;
  t->peer.host = plain_name(name ? name : "");
  if (!t->peer.host) return no_memory(e);
  SSL_set_connect_state(t->ssl);
  if (!aim(t, e)) return false;
  resume(t);
  return true;
}

static bool prepare (struct wsm_tls *t, const char *host, struct wsm_error *e) {
  BIO *bio;
  t->ssl = SSL_new(t->peer.context->ssl);
  bio = t->ssl ? wsm_bio_new(t->peer.context->bio, &t->wire) : NULL;
  if (!bio) return no_memory(e);
  SSL_set_bio(t->ssl, bio, bio);
  SSL_set_app_data(t->ssl, &t->peer);
  if (!t->peer.context->server) return be_client(t, host, e);
  SSL_set_accept_state(t->ssl);
  return true;
}

struct wsm_tls *wsm_tls_new (struct wsm_tls_context *c, const char *host,
                             struct wsm_pool *pool, struct wsm_error *e) {
  struct wsm_tls *t = wsm_zalloc(sizeof *t);
  if (!t) {
    no_memory(e);
    return NULL;
  }
  t->peer.context = wsm_tls_context_retain(c);
  t->wire.out.pool = pool;
  ERR_clear_error();
  if (!prepare(t, host, e)) {
    wsm_tls_free(t);
    t = NULL;
  }
  ERR_clear_error();
  return t;
}

void wsm_tls_free (struct wsm_tls *t) {
  if (!t) return;
  if (t->ssl) {
    /* a connection that was lost may be resumed: RFC 5246 7.2.1 */
    if (t->status != WSM_TLS_FAILED)
      SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(t->ssl);
    ERR_clear_error();
  }
  wsm_tls_context_release(t->peer.context);
  wsm_buffer_clear(&t->wire.out);
  wsm_free(t->peer.host);
  wsm_free(t);
}

/* --- bytes --- */

static void fail (struct wsm_tls *t) {
  t->status = WSM_TLS_FAILED;
  wsm_tls_error_set(&t->peer, &t->wire);
}

/* What a call that did not succeed means. */
static void settle (struct wsm_tls *t, int result) {
  switch (SSL_get_error(t->ssl, result)) {
    case SSL_ERROR_WANT_READ:
      break;
    case SSL_ERROR_ZERO_RETURN:
      t->status = WSM_TLS_ENDED;
      break;
    default:
      fail(t);
  }
}

static void shake (struct wsm_tls *t) {
  const int result = SSL_do_handshake(t->ssl);
  if (result == 1) t->status = WSM_TLS_OPEN;
  else settle(t, result);
}

static void unseal (struct wsm_tls *t, struct wsm_buffer *plain) {
  while (t->status == WSM_TLS_OPEN && t->wire.left > 0) {
    unsigned char *at = wsm_buffer_reserve(plain, RECORD_SIZE);
    size_t n;
    if (!at) {
      t->wire.starved = true;
      fail(t);
    } else if (SSL_read_ex(t->ssl, at, RECORD_SIZE, &n))
      wsm_buffer_commit(plain, n);
    else settle(t, 0);
  }
  wsm_buffer_consume(plain, 0);
  /* by itself OpenSSL keeps its 16 KiB until a read finds nothing */
  SSL_free_buffers(t->ssl);
}

static enum wsm_tls_status again (const struct wsm_tls *t,
                                  struct wsm_error *e) {
  if (t->status == WSM_TLS_FAILED)
    wsm_error_set(e, WSM_TLS, "this TLS connection has failed before");
  return t->status;
}

enum wsm_tls_status wsm_tls_start (struct wsm_tls *t, struct wsm_error *e) {
  return wsm_tls_feed(t, NULL, 0, NULL, e);
}

enum wsm_tls_status wsm_tls_feed (struct wsm_tls *t, const void *bytes,
                                  size_t n, struct wsm_buffer *plain,
                                  struct wsm_error *e) {
  if (t->status > WSM_TLS_OPEN) return again(t, e);
  wsm_bio_feed(&t->wire, bytes, n);
  t->peer.error = e;
  ERR_clear_error();
  if (t->status == WSM_TLS_HANDSHAKE) shake(t);
  if (t->status == WSM_TLS_OPEN && n > 0) unseal(t, plain);
  t->peer.error = NULL;
  return t->status;
}

static bool may_seal (const struct wsm_tls *t, struct wsm_error *e) {
  if (t->status == WSM_TLS_OPEN &&
      !(SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN))
    return true;
  wsm_error_set(e, WSM_CLOSED, "this TLS connection is not open");
  return false;
}

bool wsm_tls_seal (struct wsm_tls *t, const void *bytes, size_t n,
                   struct wsm_error *e) {
  const unsigned char *from = bytes;
  if (!may_seal(t, e)) return false;
  t->peer.error = e;
  ERR_clear_error();
  /* at once, for a large message: else the output grows step by step. Without
     memory for it the writes below will say so */
  (void)wsm_buffer_reserve(&t->wire.out,
                           n + (n / RECORD_SIZE + 1) * RECORD_EXTRA);
  while (n > 0 && t->status == WSM_TLS_OPEN) {
    size_t taken;
    if (SSL_write_ex(t->ssl, from, n, &taken)) {
      from += taken;
      n -= taken;
    } else fail(t);
  }
  t->peer.error = NULL;
  return n == 0;
}

void wsm_tls_close (struct wsm_tls *t) {
  if (t->status == WSM_TLS_FAILED || SSL_in_init(t->ssl)) return;
  ERR_clear_error();
  SSL_shutdown(t->ssl);
  ERR_clear_error();
}

struct wsm_buffer *wsm_tls_output (struct wsm_tls *t) {
  return &t->wire.out;
}

const char *wsm_tls_version (const struct wsm_tls *t) {
  return SSL_get_version(t->ssl);
}

const char *wsm_tls_cipher (const struct wsm_tls *t) {
  return SSL_get_cipher_name(t->ssl);
}

bool wsm_tls_resumed (const struct wsm_tls *t) {
  return SSL_session_reused(t->ssl);
}
