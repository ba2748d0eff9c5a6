/*
** tls_identity.h - a certificate and random numbers for a fuzzer
** Depends on OpenSSL. The random numbers are the same in every run, so that an
** input always does the same.
** Never for anything but tests: its secrets are known to everybody.
*/
#ifndef WSM_TLS_IDENTITY_H
#define WSM_TLS_IDENTITY_H

/* Of localhost, signed by itself; PEM texts. */
struct tls_identity {
  char cert[2048], key[1024];
};

/* Made at the first call. */
const struct tls_identity *tls_identity (void);

/* The random numbers begin anew. */
void tls_identity_reseed (void);

#endif
