/*
** extension.h - permessage-deflate in the opening handshake (RFC 7692 7.1)
** Depends on head.h and deflate.h. A client offers and checks the response; a
** server chooses among the offers. Both parse Sec-WebSocket-Extensions (RFC 6455
** 9.1), quoted values included.
** Never opens a zlib context.
*/
#ifndef WSM_EXTENSION_H
#define WSM_EXTENSION_H

#include <stdbool.h>
#include "base/error.h"
#include "websocket/deflate.h"
#include "http/head.h"

#define WSM_EXTENSION_TEXT 288 /* the longest offer or response, terminated */

/* What a client that wants this offers: one offer, or two by preference. */
void wsm_extension_offer (char to[WSM_EXTENSION_TEXT],
                          const struct wsm_compression *want);

/* The server's response to that offer. 1: *agreed is agreed on; 0: no
** compression; -1: e says which extension or parameter is not known, not legal,
** repeated, missing or more than was offered (RFC 7692 7.1: fail); final. */
int wsm_extension_check_response (struct wsm_span response,
                                  const struct wsm_compression *want,
                                  struct wsm_compression *agreed,
                                  struct wsm_error *e);

/* The first of a request's offers that a server which wants this can accept;
** unknown extensions and illegal offers are skipped. 1: *agreed is agreed on, `to`
** is the response; 0: none; -1: e says what is wrong with the header (RFC 6455
** 9.1: fail). */
int wsm_extension_choose (const struct wsm_head *request,
                          const struct wsm_compression *want,
                          struct wsm_compression *agreed,
                          char to[WSM_EXTENSION_TEXT], struct wsm_error *e);

#endif
