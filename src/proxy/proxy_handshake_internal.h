/*
** proxy_handshake_internal.h - what proxy_handshake.c, http_connect.c and socks5.c share
** Stands on proxy_handshake.h. proxy_handshake.c chooses and puts into words, the other two
** speak.
*/
#ifndef WSM_PROXY_HANDSHAKE_INTERNAL_H
#define WSM_PROXY_HANDSHAKE_INTERNAL_H

#include "proxy/proxy_handshake.h"

/* "the proxy h:3128 <said>". Returns WSM_PROXY_HANDSHAKE_FAILED. */
enum wsm_proxy_handshake_status
wsm_proxy_handshake_refuse (const struct wsm_proxy_handshake *x,
                            struct wsm_error *e, const char *format, ...)
  WSM_PRINTF(3, 4);

/* "chat.example.com:443", the target. Returns `to`. */
const char *wsm_proxy_handshake_target (char to[WSM_PROXY_PLACE],
                                        const struct wsm_proxy_handshake *x);

/* There is no memory for what it has to be told. */
enum wsm_proxy_handshake_status
wsm_proxy_handshake_starve (const struct wsm_proxy_handshake *x,
                            struct wsm_error *e);

bool wsm_http_connect_start (const struct wsm_proxy_handshake *x,
                             struct wsm_buffer *out);
enum wsm_proxy_handshake_status
wsm_http_connect_read (struct wsm_proxy_handshake *x, struct wsm_buffer *in,
                       struct wsm_error *e);

bool wsm_socks5_start (struct wsm_proxy_handshake *x, struct wsm_buffer *out,
                       struct wsm_error *e);
enum wsm_proxy_handshake_status wsm_socks5_read (struct wsm_proxy_handshake *x,
                                                 struct wsm_buffer *in,
                                                 struct wsm_buffer *out,
                                                 struct wsm_error *e);

#endif
