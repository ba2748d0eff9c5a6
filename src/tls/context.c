#include "tls/context.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include "base/memory.h"
#include "tls/bio.h"
#include "tls/peer.h"
#include "tls/system_ca.h"
#include "tls/verify.h"
#include "base/hidden.h"

static const unsigned char ALPN[] = "\x08http/1.1";
#define ALPN_LENGTH (sizeof ALPN - 1)
#define SESSION_CONTEXT "wsmanager"

/* --- PEM: text or the path of a file --- */

static bool is_pem (const char *text) {
  return strstr(text, "-----BEGIN ") != NULL;
}

/* The value of an option in an error: never the text of a key. */
static const char *shown (const char *text) {
  return is_pem(text) ? "the PEM text" : text;
}

/* A key in base64 without the lines of PEM, rather than a path. */
static bool is_base64 (const char *text) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq"
                               "rstuvwxyz0123456789+/=";
  const size_t n = strlen(text);
  return n >= 64 && text[0] != '/' && strspn(text, digits) == n;
}

/* Never asks at the terminal for the password of an encrypted key. */
static int no_password (char *to, int size, int writing, void *was_asked) {
  (void)to;
  (void)size;
  (void)writing;
  if (was_asked) *(bool *)was_asked = true;
  return -1;
}

static BIO *open_pem (const char *option, const char *text,
                      struct wsm_error *e) {
  BIO *bio;
  errno = 0;
  if (is_pem(text)) bio = BIO_new_mem_buf(text, -1);
  else bio = BIO_new_file(text, "r");
  if (bio) return bio;
  if (strchr(text, '\n') || is_base64(text))
    wsm_error_set(e, WSM_TLS,
                  "tls.%s is neither PEM text nor the path of a "
                  "file",
                  option);
  else
    wsm_error_set(e, WSM_TLS, "tls.%s: cannot read %.140s: %s", option,
                  shown(text), strerror(errno ? errno : ENOMEM));
  return NULL;
}

static bool fail (struct wsm_error *e, const char *option, const char *text) {
  const char *why = ERR_reason_error_string(ERR_peek_error());
  wsm_error_set(e, WSM_TLS, "tls.%s: %.140s: %s", option, shown(text),
                why ? why : "it cannot be used");
  return false;
}

static bool fail_missing (struct wsm_error *e, const char *option,
                          const char *text) {
  wsm_error_set(e, WSM_TLS, "tls.%s: there is no %s in %.140s", option,
                strcmp(option, "key") == 0 ? "private key" : "certificate",
                shown(text));
  return false;
}

static X509 *next_certificate (BIO *bio) {
  return PEM_read_bio_X509_AUX(bio, NULL, no_password, NULL);
}

/* After the last certificate there is no further "-----BEGIN". */
static bool read_to_end (void) {
  const unsigned long code = ERR_peek_last_error();
  return ERR_GET_LIB(code) == ERR_LIB_PEM &&
         ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

/* --- trusted CAs --- */

static bool is_folder (const char *path) {
  struct stat s;
  return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static bool add_cas (SSL_CTX *ssl, BIO *bio, bool *any) {
  X509_STORE *store = SSL_CTX_get_cert_store(ssl);
  X509 *ca;
  bool fine = true;
  while (fine && (ca = next_certificate(bio)) != NULL) {
    fine = X509_STORE_add_cert(store, ca) == 1 &&
           SSL_CTX_add_client_CA(ssl, ca) == 1;
    X509_free(ca);
    *any = true;
  }
  return fine && read_to_end();
}

static bool use_ca (SSL_CTX *ssl, const char *ca, struct wsm_error *e) {
  bool fine, any = false;
  BIO *bio;
  if (!is_pem(ca) && is_folder(ca))
    return SSL_CTX_load_verify_locations(ssl, NULL, ca) == 1 ||
           fail(e, "ca", ca);
  bio = open_pem("ca", ca, e);
  if (!bio) return false;
  fine = add_cas(ssl, bio, &any);
  BIO_free(bio);
  if (fine && !any) return fail_missing(e, "ca", ca);
  return fine || fail(e, "ca", ca);
}

static bool use_system_ca (SSL_CTX *ssl, struct wsm_error *e) {
  if (wsm_system_ca_use(ssl)) return true;
  wsm_error_set(e, WSM_TLS,
                "the system's certificates cannot be read; pass "
                "tls.ca");
  return false;
}

/* --- our own certificate --- */

static bool add_chain (SSL_CTX *ssl, BIO *bio) {
  X509 *ca;
  while ((ca = next_certificate(bio)) != NULL)
    if (SSL_CTX_add0_chain_cert(ssl, ca) != 1) {
      X509_free(ca);
      return false;
    }
  return read_to_end();
}

static bool use_certificate (SSL_CTX *ssl, const char *cert,
                             struct wsm_error *e) {
  BIO *bio = open_pem("cert", cert, e);
  X509 *own;
  bool fine;
  if (!bio) return false;
  own = next_certificate(bio);
  if (own) {
    fine = (SSL_CTX_use_certificate(ssl, own) == 1 && add_chain(ssl, bio)) ||
           fail(e, "cert", cert);
    X509_free(own);
  } else
    fine = read_to_end() ? fail_missing(e, "cert", cert)
                         : fail(e, "cert", cert);
  BIO_free(bio);
  return fine;
}

static bool use_matching_key (SSL_CTX *ssl, EVP_PKEY *key, const char *text,
                              struct wsm_error *e) {
  if (X509_check_private_key(SSL_CTX_get0_certificate(ssl), key) != 1) {
    wsm_error_set(e, WSM_TLS,
                  "tls.key does not belong to tls.cert: they are "
                  "not of one pair");
    return false;
  }
  return SSL_CTX_use_PrivateKey(ssl, key) == 1 || fail(e, "key", text);
}

static bool use_key (SSL_CTX *ssl, const char *text, struct wsm_error *e) {
  BIO *bio = open_pem("key", text, e);
  EVP_PKEY *key;
  bool fine = false, encrypted = false;
  if (!bio) return false;
  key = PEM_read_bio_PrivateKey(bio, NULL, no_password, &encrypted);
  if (key) fine = use_matching_key(ssl, key, text, e);
  else if (encrypted)
    wsm_error_set(e, WSM_TLS,
                  "tls.key: %.140s is encrypted; pass a key "
                  "without a password",
                  shown(text));
  else fail_missing(e, "key", text);
  EVP_PKEY_free(key);
  BIO_free(bio);
  return fine;
}

static bool use_key_pair (SSL_CTX *ssl, const struct wsm_tls_options *o,
                          struct wsm_error *e) {
  if (!o->cert && !o->key) return true;
  if (o->cert && o->key)
    return use_certificate(ssl, o->cert, e) && use_key(ssl, o->key, e);
  wsm_error_set(e, WSM_TLS,
                o->cert ? "tls.cert needs tls.key" : "tls.key needs tls.cert");
  return false;
}

/* --- the context --- */

/* RFC 7301 3.2: nothing in common is a fatal alert. */
static int on_alpn (SSL *ssl, const unsigned char **chosen,
                    unsigned char *length, const unsigned char *offered,
                    unsigned n, void *unused) {
  unsigned char *found;
  (void)ssl;
  (void)unused;
  if (SSL_select_next_proto(&found, length, ALPN, ALPN_LENGTH, offered, n) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

static int on_session (SSL *ssl, SSL_SESSION *session) {
  const struct wsm_tls_peer *peer = SSL_get_app_data(ssl);
  struct wsm_tls_context *c = peer->context;
  char *host = peer->anonymous ? NULL : wsm_strdup(peer->host);
  if (!host) return 0;
  wsm_free(c->session_host);
  SSL_SESSION_free(c->session);
  c->session_host = host;
  c->session = session;
  return 1;
}

SSL_SESSION *wsm_tls_context_session (struct wsm_tls_context *c,
                                      const char *host) {
  SSL_SESSION *session = c->session;
  if (!session || strcmp(c->session_host, host) != 0) return NULL;
  /* RFC 8446 C.4: a ticket is used once; the new connection brings others */
  if (SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION)
    c->session = NULL;
  else SSL_SESSION_up_ref(session);
  return session;
}

static void on_keylog (const SSL *ssl, const char *line) {
  const struct wsm_tls_peer *peer = SSL_get_app_data(ssl);
  fprintf(peer->context->keylog, "%s\n", line);
  fflush(peer->context->keylog);
}

/* The keys decrypt what was sent: a new file is its owner's alone, from the
** moment it is there. Where only root may use mknod, from before the first key. */
static FILE *open_private (const char *path) {
  const bool made = mknod(path, S_IFREG | S_IRUSR | S_IWUSR, 0) == 0;
  const bool existed = !made && errno == EEXIST;
  FILE *file = fopen(path, "ae");
  if (!file || made || existed || fchmod(fileno(file), S_IRUSR | S_IWUSR) == 0)
    return file;
  fclose(file);
  return NULL;
}

static bool open_keylog (struct wsm_tls_context *c, const char *path,
                         struct wsm_error *e) {
  if (!path) return true;
  c->keylog = open_private(path);
  if (!c->keylog) {
    wsm_error_set(e, WSM_TLS, "tls.keylog: cannot write %.140s: %s", path,
                  strerror(errno));
    return false;
  }
  SSL_CTX_set_keylog_callback(c->ssl, on_keylog);
  return true;
}

static void set_protocol (SSL_CTX *ssl, const struct wsm_tls_options *o) {
  SSL_CTX_set_min_proto_version(ssl,
                                o->tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
                          SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                          SSL_MODE_RELEASE_BUFFERS);
}

static void set_verify (struct wsm_tls_context *c, int more) {
  if (c->verify || c->pinned_keys)
    SSL_CTX_set_verify(c->ssl, SSL_VERIFY_PEER | more, wsm_verify_callback);
  if (c->pinned_keys)
    SSL_CTX_set_cert_verify_callback(c->ssl, wsm_verify_certificate, NULL);
}

static bool check_server (const struct wsm_tls_options *o,
                          struct wsm_error *e) {
  const char *why = NULL;
  if (!o->cert || !o->key) why = "a server needs tls.cert and tls.key";
  else if (o->require_client_cert && !o->ca)
    why = "tls.ask needs tls.ca: the CA of the clients";
  else if (o->pin && !o->require_client_cert)
    why = "tls.pin of a server needs tls.ask: else clients show no key";
  if (why) wsm_error_set(e, WSM_TLS, "%s", why);
  return !why;
}

static bool set_server (struct wsm_tls_context *c,
                        const struct wsm_tls_options *o, struct wsm_error *e) {
  if (!check_server(o, e)) return false;
  /* sessions are in the tickets: a cache would only grow */
  SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_session_id_context(c->ssl, (const unsigned char *)SESSION_CONTEXT,
                                 sizeof SESSION_CONTEXT - 1);
  SSL_CTX_set_alpn_select_cb(c->ssl, on_alpn, NULL);
  set_verify(c, SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
  return !o->ca || use_ca(c->ssl, o->ca, e);
}

static bool set_client (struct wsm_tls_context *c,
                        const struct wsm_tls_options *o, struct wsm_error *e) {
  SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_CLIENT |
                                           SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(c->ssl, on_session);
  if (SSL_CTX_set_alpn_protos(c->ssl, ALPN, ALPN_LENGTH) != 0) {
    wsm_error_set(e, WSM_FULL, "no memory for TLS");
    return false;
  }
  set_verify(c, 0);
  if (!c->verify) return true;
  return o->ca ? use_ca(c->ssl, o->ca, e) : use_system_ca(c->ssl, e);
}

static bool prepare (struct wsm_tls_context *c, const struct wsm_tls_options *o,
                     struct wsm_error *e) {
  c->ssl = SSL_CTX_new(c->server ? TLS_server_method() : TLS_client_method());
  c->bio = wsm_bio_method();
  c->hostname = wsm_strdup(o->hostname);
  c->pinned_keys = wsm_strdup(o->pin);
  if (!c->ssl || !c->bio || (o->hostname && !c->hostname) ||
      (o->pin && !c->pinned_keys)) {
    wsm_error_set(e, WSM_FULL, "no memory for TLS");
    return false;
  }
  set_protocol(c->ssl, o);
  return (c->server ? set_server(c, o, e) : set_client(c, o, e)) &&
         use_key_pair(c->ssl, o, e) && open_keylog(c, o->keylog, e);
}

struct wsm_tls_context *wsm_tls_context_new (const struct wsm_tls_options *o,
                                             bool server, struct wsm_error *e) {
  struct wsm_tls_context *c = wsm_zalloc(sizeof *c);
  if (!c) {
    wsm_error_set(e, WSM_FULL, "no memory for TLS");
    return NULL;
  }
  c->references = 1;
  c->server = server;
  c->verify = server ? o->require_client_cert : !o->unverified;
  ERR_clear_error();
  if (!prepare(c, o, e)) {
    wsm_tls_context_release(c);
    c = NULL;
  }
  ERR_clear_error();
  return c;
}

struct wsm_tls_context *wsm_tls_context_retain (struct wsm_tls_context *c) {
  c->references++;
  return c;
}

void wsm_tls_context_release (struct wsm_tls_context *c) {
  if (!c || --c->references > 0) return;
  SSL_SESSION_free(c->session);
  SSL_CTX_free(c->ssl);
  BIO_meth_free(c->bio);
  if (c->keylog) fclose(c->keylog);
  wsm_free(c->session_host);
  wsm_free(c->hostname);
  wsm_free(c->pinned_keys);
  wsm_free(c);
}

void wsm_tls_context_replace (struct wsm_tls_context **at,
                              struct wsm_tls_context *c) {
  struct wsm_tls_context *old = *at;
  *at = c ? wsm_tls_context_retain(c) : NULL;
  wsm_tls_context_release(old);
}
