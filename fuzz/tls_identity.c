#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_set_rand_method: in every version */
#include "tls_identity.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "input.h"

/* --- random numbers --- */

static uint32_t seed;

static int known_bytes (unsigned char *to, int n) {
  int i;
  for (i = 0; i < n; i++) to[i] = (unsigned char)chance_below(&seed, 256);
  return 1;
}

static int is_seeded (void) {
  return 1;
}

static const RAND_METHOD known = { NULL, known_bytes, NULL,
                                   NULL, known_bytes, is_seeded };

void tls_identity_reseed (void) {
  seed = 1;
}

/* --- the certificate --- */

static EVP_PKEY *make_key (void) {
  EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, NULL);
  EVP_PKEY *key = NULL;
  REQUIRE(c && EVP_PKEY_keygen_init(c) == 1);
  REQUIRE(EVP_PKEY_keygen(c, &key) == 1);
  EVP_PKEY_CTX_free(c);
  return key;
}

static void add_extension (X509 *x, int nid, const char *value) {
  X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
  REQUIRE(e && X509_add_ext(x, e, -1) == 1);
  X509_EXTENSION_free(e);
}

static X509 *make_certificate (EVP_PKEY *key) {
  static const unsigned char name[] = "localhost";
  X509 *x = X509_new();
  X509_NAME *subject = X509_get_subject_name(x);
  REQUIRE(x && X509_set_version(x, 2) == 1);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x), 360000);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, name, -1, -1, 0);
  REQUIRE(X509_set_issuer_name(x, subject) == 1);
  REQUIRE(X509_set_pubkey(x, key) == 1);
  add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(x, NID_subject_alt_name, "DNS:localhost");
  REQUIRE(X509_sign(x, key, NULL) > 0);
  return x;
}

/* Moves what was written to the text, and terminates it. */
static void take_text (BIO *bio, char *to, int room) {
  const int n = BIO_read(bio, to, room - 1);
  REQUIRE(n > 0 && n < room - 1);
  to[n] = '\0';
}

static void make_identity (struct tls_identity *t) {
  BIO *bio = BIO_new(BIO_s_mem());
  EVP_PKEY *key = make_key();
  X509 *x = make_certificate(key);
  REQUIRE(bio && PEM_write_bio_X509(bio, x) == 1);
  take_text(bio, t->cert, sizeof t->cert);
  REQUIRE(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
  take_text(bio, t->key, sizeof t->key);
  X509_free(x);
  EVP_PKEY_free(key);
  BIO_free(bio);
}

const struct tls_identity *tls_identity (void) {
  static struct tls_identity t;
  if (!t.cert[0]) {
    REQUIRE(RAND_set_rand_method(&known) == 1);
    make_identity(&t);
  }
  return &t;
}
