/*
** pinned_key.h - public key pinning
** Depends on OpenSSL's X.509. A pin as in curl's --pinnedpubkey: "sha256//" and
** the base64 of the SHA-256 of the SubjectPublicKeyInfo (RFC 7469 2.4).
** Never verifies a certificate.
*/
#ifndef WSM_PINNED_KEY_H
#define WSM_PINNED_KEY_H

#include <stdbool.h>

#define WSM_PINNED_KEY_SIZE 53 /* bytes of a pin, with terminator */

struct x509_st;

/* Is this one pin, or several with ";" between? */
bool wsm_pinned_key_valid (const char *pins);

/* Writes the pin of a certificate's key. false: no memory. */
bool wsm_pinned_key_write (char pin[WSM_PINNED_KEY_SIZE],
                           const struct x509_st *x);

/* Is the pin among these valid pins? */
bool wsm_pinned_key_matches (const char *pin, const char *pins);

#endif
