/*
** tls_error.h - why a TLS connection failed, in one sentence
** Depends on OpenSSL's error queue and the first bytes the peer sent. Errors of
** certificates are explained by verify.c.
** Never changes a connection.
*/
#ifndef WSM_TLS_ERROR_H
#define WSM_TLS_ERROR_H

#include "tls/bio.h"
#include "tls/peer.h"

/* Sets peer->error, but where verify.c has done so; empties the error queue. */
void wsm_tls_error_set (const struct wsm_tls_peer *peer,
                        const struct wsm_bio *bio);

#endif
