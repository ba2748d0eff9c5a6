/*
** socks5.h - the SOCKS5 handshake (RFC 1928, RFC 1929)
** Depends on ip.h, userinfo.h and proxy_error.h. For proxy_handshake.c, whose
** functions these implement.
*/
#ifndef WSM_SOCKS5_H
#define WSM_SOCKS5_H

#include "proxy/proxy_handshake.h"

bool wsm_socks5_start (struct wsm_proxy_handshake *x, struct wsm_buffer *out,
                       struct wsm_error *e);

enum wsm_proxy_handshake_status wsm_socks5_read (struct wsm_proxy_handshake *x,
                                                 struct wsm_buffer *in,
                                                 struct wsm_buffer *out,
                                                 struct wsm_error *e);

#endif
