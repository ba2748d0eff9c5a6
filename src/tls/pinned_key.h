/*
** pinned_key.h - public keys that a peer must have
** Stands on OpenSSL's X.509. A pin is written as curl writes it: "sha256//" and
** the base64 of the SHA-256 of the SubjectPublicKeyInfo (RFC 7469 2.4).
** Never looks at who signed a certificate, or when.
*/
#ifndef WSM_PINNED_KEY_H
#define WSM_PINNED_KEY_H

#include <stdbool.h>

#define WSM_PINNED_KEY_SIZE 53 /* of a pin, terminated */

struct x509_st;

/* Whether pins is one or more of them, with ";" between. */
bool wsm_pinned_key_valid (const char *pins);

/* The pin of a certificate's key. false: no memory. */
bool wsm_pinned_key_write (char pin[WSM_PINNED_KEY_SIZE],
                           const struct x509_st *x);

/* Whether the pin is one of the valid pins. */
bool wsm_pinned_key_matches (const char *pin, const char *pins);

#endif
