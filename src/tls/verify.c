#include "tls/verify.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include "tls/pinned_key.h"
#include "tls/peer.h"
#include "base/hidden.h"

#define NAMES_SIZE 150 /* of the names in a certificate, as shown */
#define WHOSE_SIZE 140

/* A certificate is the peer's text: nothing but printable ASCII is shown. */
static void print_safely (char *to, size_t size, const unsigned char *text,
                          size_t n) {
  size_t i;
  if (n >= size) n = size - 1;
  for (i = 0; i < n; i++)
    to[i] = text[i] > 0x20 && text[i] < 0x7f ? (char)text[i]
            : text[i] == ' '                 ? ' '
                                             : '?';
  to[n] = '\0';
}

static void print_common_name (char *to, size_t size, const X509_NAME *name) {
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  const ASN1_STRING *text =
    at < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
  if (text)
    print_safely(to, size, ASN1_STRING_get0_data(text),
                 (size_t)ASN1_STRING_length(text));
  else snprintf(to, size, "without a name");
}

static void print_date (char *to, size_t size, const ASN1_TIME *when) {
  struct tm date;
  if (!ASN1_TIME_to_tm(when, &date) ||
      strftime(to, size, "%Y-%m-%d", &date) == 0)
    snprintf(to, size, "an unreadable date");
}

static void print_address (char *to, size_t size, const ASN1_STRING *ip) {
  const int family = ASN1_STRING_length(ip) == 4    ? AF_INET
                     : ASN1_STRING_length(ip) == 16 ? AF_INET6
                                                    : 0;
  if (!family ||
      !inet_ntop(family, ASN1_STRING_get0_data(ip), to, (socklen_t)size))
    snprintf(to, size, "?");
}

static bool print_name (char *to, size_t size, const GENERAL_NAME *name) {
  int type;
  const ASN1_STRING *text = GENERAL_NAME_get0_value(name, &type);
  if (type == GEN_DNS)
    print_safely(to, size, ASN1_STRING_get0_data(text),
                 (size_t)ASN1_STRING_length(text));
  else if (type == GEN_IPADD) print_address(to, size, text);
  else return false;
  return true;
}

/* "a, b, c", as many as fit. Returns how many names there were. */
static int print_names (char *to, size_t size, const GENERAL_NAMES *names) {
  int i, count = 0;
  size_t at = 0;
  for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
    char name[80];
    if (!print_name(name, sizeof name, sk_GENERAL_NAME_value(names, i)))
      continue;
    if (at + strlen(name) + sizeof ", , ..." <= size)
      at += (size_t)sprintf(to + at, "%s%s", count ? ", " : "", name);
    else if (at + sizeof ", ..." <= size) {
      strcpy(to + at, ", ...");
      at = size;
    }
    count++;
  }
  return count;
}

static void print_subjects (char *to, size_t size, X509 *certificate) {
  GENERAL_NAMES *names =
    X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
  if (!names || print_names(to, size, names) == 0)
    print_common_name(to, size, X509_get_subject_name(certificate));
  GENERAL_NAMES_free(names);
}

/* "the certificate of chat.example.com", "the CA certificate ... behind it". */
static void print_whose (char *to, size_t size, X509_STORE_CTX *chain,
                         const char *host) {
  char ca[60];
  X509 *certificate = X509_STORE_CTX_get_current_cert(chain);
  if (X509_STORE_CTX_get_error_depth(chain) == 0 || !certificate) {
    snprintf(to, size,
             host ? "the certificate of %.80s" : "the client's certificate",
             host);
    return;
  }
  print_common_name(ca, sizeof ca, X509_get_subject_name(certificate));
  snprintf(to, size, "the CA certificate (CN=%s) behind %.40s", ca,
           host ? host : "the client's");
}

static void explain_date (struct wsm_error *e, const char *whose,
                          const char *what, const ASN1_TIME *when) {
  char date[24];
  print_date(date, sizeof date, when);
  wsm_error_set(e, WSM_TLS, "%s %s %s", whose, what, date);
}

static void explain_issuer (struct wsm_error *e, const char *whose,
                            X509 *certificate) {
  char ca[60];
  print_common_name(ca, sizeof ca, X509_get_issuer_name(certificate));
  wsm_error_set(e, WSM_TLS,
                "%s is signed by an unknown CA (CN=%s); "
                "pass that CA as tls.ca",
                whose, ca);
}

static void explain_names (struct wsm_error *e, const char *host,
                           X509 *certificate) {
  char names[NAMES_SIZE];
  print_subjects(names, sizeof names, certificate);
  wsm_error_set(e, WSM_TLS, "certificate is for %s, not %.80s", names,
                host ? host : "the client");
}

static void explain_weak_key (struct wsm_error *e, const char *whose,
                              X509 *certificate) {
  const EVP_PKEY *key = X509_get0_pubkey(certificate);
  wsm_error_set(e, WSM_TLS, "%s has a key that is too weak: %d bits", whose,
                key ? EVP_PKEY_bits(key) : 0);
}

static void explain (struct wsm_error *e, X509_STORE_CTX *chain,
                     const char *host) {
  const int code = X509_STORE_CTX_get_error(chain);
  X509 *certificate = X509_STORE_CTX_get_current_cert(chain);
  char whose[WHOSE_SIZE];
  print_whose(whose, sizeof whose, chain, host);
  switch (certificate ? code : X509_V_ERR_UNSPECIFIED) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      explain_date(e, whose, "expired on", X509_get0_notAfter(certificate));
      break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      explain_date(e, whose, "is not valid before",
                   X509_get0_notBefore(certificate));
      break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      wsm_error_set(e, WSM_TLS,
                    "%s is self-signed; pass it as tls.ca to "
                    "trust it",
                    whose);
      break;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      explain_issuer(e, whose, certificate);
      break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      explain_names(e, host, certificate);
      break;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
      explain_weak_key(e, whose, certificate);
      break;
    case X509_V_ERR_INVALID_PURPOSE:
      wsm_error_set(e, WSM_TLS, "%s is not meant for a %s", whose,
                    host ? "server" : "client");
      break;
    default:
      wsm_error_set(e, WSM_TLS, "%s does not verify: %s", whose,
                    X509_verify_cert_error_string(code));
  }
  e->final = true;
}

static struct wsm_tls_peer *peer_of (X509_STORE_CTX *chain) {
  const SSL *ssl =
    X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
  return SSL_get_app_data(ssl);
}

int wsm_verify_callback (int accepted, X509_STORE_CTX *chain) {
  struct wsm_tls_peer *peer = peer_of(chain);
  if (!accepted && !peer->explained && peer->error) {
    explain(peer->error, chain, peer->host);
    peer->explained = true;
  }
  return accepted;
}

static bool refuse_key (struct wsm_tls_peer *peer, const char *pin) {
  if (!peer->error) return false;
  wsm_error_final(peer->error, WSM_TLS,
                  "the key of %.100s is %s, which is none of the pinned ones",
                  peer->host ? peer->host : "the client", pin);
  peer->explained = true;
  return false;
}

static bool has_pinned_key (struct wsm_tls_peer *peer, X509_STORE_CTX *chain) {
  char pin[WSM_PINNED_KEY_SIZE];
  if (!wsm_pinned_key_write(pin, X509_STORE_CTX_get0_cert(chain))) return false;
  return wsm_pinned_key_matches(pin, peer->pinned_keys) ||
         refuse_key(peer, pin);
}

int wsm_verify_certificate (X509_STORE_CTX *chain, void *unused) {
  struct wsm_tls_peer *peer = peer_of(chain);
  (void)unused;
  if (peer->verify && X509_verify_cert(chain) != 1) return 0;
  if (has_pinned_key(peer, chain)) return 1;
  X509_STORE_CTX_set_error(chain, X509_V_ERR_CERT_REJECTED);
  return 0;
}
