#include "tls/pinned_key.h"

#include <string.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include "base/hidden.h"

#define LENGTH (WSM_PINNED_KEY_SIZE - 1)
#define PREFIX "sha256//"
#define BASE64 \
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
/* 32 bytes leave four bits of the last character, with two zeros behind */
#define LAST "AEIMQUYcgkosw048"

static bool is_pin (const char *text) {
  const size_t from = sizeof PREFIX - 1;
  return strncmp(text, PREFIX, from) == 0 &&
         strspn(text + from, BASE64) == LENGTH - from - 1 &&
         strchr(LAST, text[LENGTH - 2]) && text[LENGTH - 1] == '=';
}

bool wsm_pinned_key_valid (const char *pins) {
  while (is_pin(pins)) {
    pins += LENGTH;
    if (*pins == '\0') return true;
    if (*pins++ != ';') return false;
  }
  return false;
}

bool wsm_pinned_key_write (char pin[WSM_PINNED_KEY_SIZE],
                           const struct x509_st *x) {
  unsigned char *key = NULL, digest[EVP_MAX_MD_SIZE];
  const int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &key);
  unsigned length = 0;
  const bool fine =
    n > 0 && EVP_Digest(key, (size_t)n, digest, &length, EVP_sha256(), NULL);
  OPENSSL_free(key);
  if (!fine) return false;
  memcpy(pin, PREFIX, sizeof PREFIX);
  EVP_EncodeBlock((unsigned char *)pin + sizeof PREFIX - 1, digest,
                  (int)length);
  return true;
}

bool wsm_pinned_key_matches (const char *pin, const char *pins) {
  for (; strncmp(pins, pin, LENGTH) != 0; pins += LENGTH + 1)
    if (pins[LENGTH] == '\0') return false;
  return true;
}
