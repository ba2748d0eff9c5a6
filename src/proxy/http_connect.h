/*
** http_connect.h - CONNECT to an HTTP proxy (RFC 9110 9.3.6)
** Depends on head.h, writer.h and proxy_error.h. For proxy_handshake.c, whose
** functions these implement.
** Never takes a byte off `in` that follows the 2xx response's head.
*/
#ifndef WSM_HTTP_CONNECT_H
#define WSM_HTTP_CONNECT_H

#include "proxy/proxy_handshake.h"

/* false without memory; nothing is appended then. */
bool wsm_http_connect_start (const struct wsm_proxy_handshake *x,
                             struct wsm_buffer *out);

enum wsm_proxy_handshake_status
wsm_http_connect_read (struct wsm_proxy_handshake *x, struct wsm_buffer *in,
                       struct wsm_error *e);

#endif
