/*
** system_ca.h - the CAs that the system trusts
** Depends on OpenSSL, the file system and the environment, as OpenSSL does.
** Never adds to what OpenSSL finds: other places count only where it finds none.
*/
#ifndef WSM_SYSTEM_CA_H
#define WSM_SYSTEM_CA_H

#include <stdbool.h>
#include <openssl/ssl.h>

/* Trusts the CAs of SSL_CERT_FILE and SSL_CERT_DIR, or of the places that were
** compiled into OpenSSL. Where neither of those places is there, those of other
** systems: an OpenSSL that is shipped with a program was made for another one.
** false: not even that could be noted. */
bool wsm_system_ca_use (SSL_CTX *ssl);

#endif
