/*
** exchangeparts.h - what exchange.c, connect.c and socks.c share
** Stands on exchange.h. exchange.c chooses and puts into words, the other two
** speak.
*/
#ifndef WSM_EXCHANGEPARTS_H
#define WSM_EXCHANGEPARTS_H

#include "protocol/exchange.h"

/* "the proxy h:3128 <said>". Returns WSM_EXCHANGE_FAILED. */
enum wsm_exchange_status wsm_exchange_refuse (const struct wsm_exchange *x,
                                              struct wsm_error *e,
                                              const char *format, ...)
  WSM_PRINTF(3, 4);

/* "chat.example.com:443", the target. Returns `to`. */
const char *wsm_exchange_target (char to[WSM_PROXY_PLACE],
                                 const struct wsm_exchange *x);

/* There is no memory for what it has to be told. */
enum wsm_exchange_status wsm_exchange_starve (const struct wsm_exchange *x,
                                              struct wsm_error *e);

bool wsm_connect_start (const struct wsm_exchange *x, struct wsm_buffer *out);
enum wsm_exchange_status wsm_connect_read (struct wsm_exchange *x,
                                           struct wsm_buffer *in,
                                           struct wsm_error *e);

bool wsm_socks_start (struct wsm_exchange *x, struct wsm_buffer *out,
                      struct wsm_error *e);
enum wsm_exchange_status wsm_socks_read (struct wsm_exchange *x,
                                         struct wsm_buffer *in,
                                         struct wsm_buffer *out,
                                         struct wsm_error *e);

#endif
