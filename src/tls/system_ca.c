#include "tls/system_ca.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include "base/hidden.h"

/* All CAs in one file, with the systems that have it there. */
static const char *const files[] = {
  "/etc/ssl/certs/ca-certificates.crt", /* Debian, Arch, Gentoo, Alpine */
  "/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, Red Hat */
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Fedora from 43 */
  "/etc/ssl/ca-bundle.pem",                            /* openSUSE */
  "/var/lib/ca-certificates/ca-bundle.pem",            /* openSUSE */
  "/etc/ssl/cert.pem" /* macOS, the BSDs, Alpine */
};

static bool is_there (const char *path) {
  struct stat s;
  return stat(path, &s) == 0;
}

static bool has_places (void) {
  return getenv(X509_get_default_cert_file_env()) ||
         getenv(X509_get_default_cert_dir_env()) ||
         is_there(X509_get_default_cert_file()) ||
         is_there(X509_get_default_cert_dir());
}

bool wsm_system_ca_use (SSL_CTX *ssl) {
  bool found = false;
  size_t i;
  if (has_places()) return SSL_CTX_set_default_verify_paths(ssl) == 1;
  for (i = 0; i < sizeof files / sizeof *files && !found; i++) {
    found = is_there(files[i]) &&
            SSL_CTX_load_verify_locations(ssl, files[i], NULL) == 1;
  }
  ERR_clear_error(); /* of one that could not be read */
  return found || SSL_CTX_set_default_verify_paths(ssl) == 1;
}
