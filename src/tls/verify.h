/*
** verify.h - OpenSSL's verification callbacks: a certificate refused, and why
** Depends on OpenSSL's X.509 verification, peer.h and pinned_key.h.
** Never accepts what OpenSSL refused.
*/
#ifndef WSM_VERIFY_H
#define WSM_VERIFY_H

#include <openssl/x509_vfy.h>

/* For SSL_CTX_set_verify: explains a certificate that OpenSSL refuses. */
int wsm_verify_callback (int accepted, X509_STORE_CTX *chain);

/* For SSL_CTX_set_cert_verify_callback, with pinned keys: verifies the chain, if
** that is wanted, and then the key. */
int wsm_verify_certificate (X509_STORE_CTX *chain, void *unused);

#endif
