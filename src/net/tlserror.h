/*
** tlserror.h - why a TLS connection failed, in one sentence
** Stands on OpenSSL's error queue, and on the first bytes the peer sent. What
** is wrong with a certificate is trust.h's to say.
** Never changes a connection.
*/
#ifndef WSM_TLSERROR_H
#define WSM_TLSERROR_H

#include "common/error.h"
#include "net/trust.h"
#include "net/wire.h"

/* Fills peer->error from OpenSSL's error queue, and empties the queue. */
void wsm_tls_blame (const struct wsm_tls_peer *peer, const struct wsm_wire *w);

#endif
