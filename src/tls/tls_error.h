/*
** tls_error.h - why a TLS connection failed, in one sentence
** Stands on OpenSSL's error queue, and on the first bytes the peer sent. What
** is wrong with a certificate is verify.h's to say.
** Never changes a connection.
*/
#ifndef WSM_TLS_ERROR_H
#define WSM_TLS_ERROR_H

#include "base/error.h"
#include "tls/verify.h"
#include "tls/bio.h"

/* Fills peer->error from OpenSSL's error queue, and empties the queue. */
void wsm_tls_error_set (const struct wsm_tls_peer *peer,
                        const struct wsm_bio *w);

#endif
