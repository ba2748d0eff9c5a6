/*
** extension.h - permessage-deflate in the opening handshake (RFC 7692 7.1)
** Stands on head.h and deflate.h. A client offers and judges the answer; a
** server chooses among the offers. Both read Sec-WebSocket-Extensions by its
** grammar (RFC 6455 9.1), quoted values included.
** Never opens a zlib context.
*/
#ifndef WSM_EXTENSION_H
#define WSM_EXTENSION_H

#include <stdbool.h>
#include "base/error.h"
#include "websocket/deflate.h"
#include "http/head.h"

#define WSM_EXTENSION_TEXT 288 /* the longest offers or answer, terminated */

/* What a client that wants this offers: one offer, or two by preference. */
void wsm_extension_offer (char to[WSM_EXTENSION_TEXT],
                          const struct wsm_compression *want);

/* What the server answered to that offer: 1: agreed on *agreed; 0: without
** compression; -1: e says which extension or parameter is not known, not legal,
** repeated, missing or more than was offered (RFC 7692 7.1: fail); final. */
int wsm_extension_check_answer (struct wsm_span answered,
                                const struct wsm_compression *want,
                                struct wsm_compression *agreed,
                                struct wsm_error *e);

/* The first of a request's offers that a server which wants this can accept;
** extensions it does not know and offers that are not legal are passed over.
** 1: agreed on *agreed, `to` is the answer; 0: none; -1: e says what is wrong
** with the header (RFC 6455 9.1: fail). */
int wsm_extension_choose (const struct wsm_head *request,
                          const struct wsm_compression *want,
                          struct wsm_compression *agreed,
                          char to[WSM_EXTENSION_TEXT], struct wsm_error *e);

#endif
