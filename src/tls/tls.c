#include "tls/tls.h"

#include <string.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include "base/memory.h"
#include "tls/bio.h"
#include "tls/certificate.h"
#include "tls/context.h"
#include "tls/peer.h"
#include "tls/tls_error.h"
#include "base/hidden.h"

#define RECORD_SIZE 16384 /* plaintext of a record, RFC 8446 5.1 */
#define RECORD_EXTRA 64   /* more than its head, nonce, tag and padding */

struct wsm_tls {
  SSL *ssl;
  struct wsm_tls_peer peer;
  struct wsm_bio bio;
  enum wsm_tls_status status;
};

static bool no_memory (struct wsm_error *e) {
  wsm_error_set(e, WSM_FULL, "no memory for TLS");
  return false;
}

/* --- creation --- */

/* RFC 6066 3: without a trailing dot; an IPv6 zone means nothing to the peer. */
static char *peer_name (const char *host) {
  char *name = wsm_strdup(host);
  size_t n;
  if (!name) return NULL;
  n = strcspn(name, "%");
  if (n > 0 && name[n - 1] == '.') n--;
  name[n] = '\0';
  return name;
}

/* The name to verify, and for SNI. */
static bool set_peer_name (struct wsm_tls *t, struct wsm_error *e) {
  char *name = t->peer.host;
  /* OpenSSL would not verify an empty name */
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
  SSL_SESSION *session;
  if (t->peer.anonymous) return;
  session = wsm_tls_context_session(t->peer.context, t->peer.host);
  if (!session) return;
  SSL_set_session(t->ssl, session);
  SSL_SESSION_free(session);
}

static bool init_client (struct wsm_tls *t, const struct wsm_tls_setup *setup,
                         struct wsm_error *e) {
  const char *name = setup->other_host ? NULL : t->peer.context->hostname;
  if (!name) name = setup->host ? setup->host : "";
  t->peer.host = peer_name(name);
  if (!t->peer.host) return no_memory(e);
  SSL_set_connect_state(t->ssl);
  if (!set_peer_name(t, e)) return false;
  if (t->peer.anonymous) SSL_certs_clear(t->ssl);
  resume(t);
  return true;
}

static bool init (struct wsm_tls *t, const struct wsm_tls_setup *setup,
                  struct wsm_error *e) {
  BIO *bio;
  t->ssl = SSL_new(t->peer.context->ssl);
  bio = t->ssl ? wsm_bio_new(t->peer.context->bio, &t->bio) : NULL;
  if (!bio) return no_memory(e);
  SSL_set_bio(t->ssl, bio, bio);
  SSL_set_app_data(t->ssl, &t->peer);
  if (!t->peer.context->server) return init_client(t, setup, e);
  SSL_set_accept_state(t->ssl);
  return true;
}

struct wsm_tls *wsm_tls_new (struct wsm_tls_context *c,
                             const struct wsm_tls_setup *setup,
                             struct wsm_error *e) {
  struct wsm_tls *t = wsm_zalloc(sizeof *t);
  if (!t) {
    no_memory(e);
    return NULL;
  }
  t->peer.context = wsm_tls_context_retain(c);
  t->peer.pinned_keys = c->pinned_keys;
  t->peer.verify = c->verify;
  t->peer.anonymous = setup->anonymous;
  t->bio.out.pool = setup->pool;
  ERR_clear_error();
  if (!init(t, setup, e)) {
    wsm_tls_free(t);
    t = NULL;
  }
  ERR_clear_error();
  return t;
}

void wsm_tls_free (struct wsm_tls *t) {
  if (!t) return;
  if (t->ssl) {
    /* RFC 5246 7.2.1: the session may be resumed although the connection was
       lost; without these flags OpenSSL would forget it */
    if (t->status != WSM_TLS_FAILED)
      SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(t->ssl);
    ERR_clear_error();
  }
  wsm_tls_context_release(t->peer.context);
  wsm_buffer_clear(&t->bio.out);
  wsm_free(t->peer.host);
  wsm_free(t);
}

/* --- bytes --- */

static void fail (struct wsm_tls *t) {
  t->status = WSM_TLS_FAILED;
  wsm_tls_error_set(&t->peer, &t->bio);
}

static void handle_error (struct wsm_tls *t, int result) {
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

static void handshake (struct wsm_tls *t) {
  const int result = SSL_do_handshake(t->ssl);
  if (result == 1) t->status = WSM_TLS_OPEN;
  else handle_error(t, result);
}

static void decrypt (struct wsm_tls *t, struct wsm_buffer *plain) {
  while (t->status == WSM_TLS_OPEN && t->bio.left > 0) {
    unsigned char *at = wsm_buffer_reserve(plain, RECORD_SIZE);
    size_t n;
    if (!at) {
      t->bio.out_of_memory = true;
      fail(t);
    } else if (SSL_read_ex(t->ssl, at, RECORD_SIZE, &n))
      wsm_buffer_commit(plain, n);
    else handle_error(t, 0);
  }
  wsm_buffer_consume(plain, 0);
  /* by itself OpenSSL keeps its 16 KiB until a read finds nothing */
  SSL_free_buffers(t->ssl);
}

static enum wsm_tls_status repeat_status (const struct wsm_tls *t,
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
  if (t->status > WSM_TLS_OPEN) return repeat_status(t, e);
  wsm_bio_set_input(&t->bio, bytes, n);
  t->peer.error = e;
  ERR_clear_error();
  if (t->status == WSM_TLS_HANDSHAKE) handshake(t);
  if (t->status == WSM_TLS_OPEN && n > 0) decrypt(t, plain);
  t->peer.error = NULL;
  return t->status;
}

static bool can_encrypt (const struct wsm_tls *t, struct wsm_error *e) {
  if (t->status == WSM_TLS_OPEN &&
      !(SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN))
    return true;
  wsm_error_set(e, WSM_CLOSED, "this TLS connection is not open");
  return false;
}

bool wsm_tls_seal (struct wsm_tls *t, const void *bytes, size_t n,
                   struct wsm_error *e) {
  const unsigned char *from = bytes;
  if (!can_encrypt(t, e)) return false;
  t->peer.error = e;
  ERR_clear_error();
  /* in one step for a large message; without memory the writes below fail */
  (void)wsm_buffer_reserve(&t->bio.out,
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
  return &t->bio.out;
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

bool wsm_tls_certificate (const struct wsm_tls *t, int i,
                          struct wsm_certificate *c) {
  STACK_OF(X509) *chain = SSL_get_peer_cert_chain(t->ssl);
  if (!chain || i < 0 || i >= sk_X509_num(chain)) return false;
  wsm_certificate_read(c, sk_X509_value(chain, i));
  return true;
}
