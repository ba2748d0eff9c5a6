#include "tls/certificate.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include "base/hidden.h"

/* Takes what was printed to bio. */
static void take (BIO *bio, char *to, size_t size) {
  const int n = BIO_read(bio, to, (int)size - 1);
  char *at;
  to[n > 0 ? n : 0] = '\0';
  for (at = to; *at; at++)
    if (*at < ' ' || *at > '~') *at = '?';
  (void)BIO_reset(bio);
}

static void read_names (struct wsm_certificate *c, BIO *bio, const X509 *x) {
  const int at = X509_get_ext_by_NID(x, NID_subject_alt_name, -1);
  if (at < 0) return;
  if (X509V3_EXT_print(bio, X509_get_ext(x, at), 0, 0))
    take(bio, c->names, sizeof c->names);
}

static void read_date (char *to, size_t size, const ASN1_TIME *when) {
  struct tm date;
  if (!ASN1_TIME_to_tm(when, &date) ||
      strftime(to, size, "%Y-%m-%d %H:%M:%S", &date) == 0)
    to[0] = '\0';
}

static void read_dates (struct wsm_certificate *c, const X509 *x) {
  int days = 0, seconds = 0;
  read_date(c->from, sizeof c->from, X509_get0_notBefore(x));
  read_date(c->until, sizeof c->until, X509_get0_notAfter(x));
  if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(x)))
    c->days = seconds < 0 && days == 0 ? -1 : days;
}

static void read_key (struct wsm_certificate *c, X509 *x) {
  const EVP_PKEY *key = X509_get0_pubkey(x);
  const char *kind;
  if (!key) return;
  kind = OBJ_nid2sn(EVP_PKEY_base_id(key));
  if (EVP_PKEY_base_id(key) == EVP_PKEY_EC) kind = "EC";
  if (EVP_PKEY_base_id(key) == EVP_PKEY_RSA) kind = "RSA";
  snprintf(c->key, sizeof c->key, "%s %d", kind, EVP_PKEY_bits(key));
}

void wsm_certificate_read (struct wsm_certificate *c, struct x509_st *x) {
  BIO *bio = BIO_new(BIO_s_mem());
  memset(c, 0, sizeof *c);
  if (bio) {
    if (X509_NAME_print_ex(bio, X509_get_subject_name(x), 0, XN_FLAG_RFC2253))
      take(bio, c->subject, sizeof c->subject);
    if (X509_NAME_print_ex(bio, X509_get_issuer_name(x), 0, XN_FLAG_RFC2253))
      take(bio, c->issuer, sizeof c->issuer);
    read_names(c, bio, x);
    BIO_free(bio);
  }
  read_dates(c, x);
  read_key(c, x);
  if (!wsm_pinned_key_write(c->pin, x)) c->pin[0] = '\0';
  ERR_clear_error();
}
