/*
** proxy_error.h - errors of the handshake with a proxy: each names the proxy
** Depends on proxy_handshake.h for its types.
*/
#ifndef WSM_PROXY_ERROR_H
#define WSM_PROXY_ERROR_H

#include "proxy/proxy_handshake.h"

/* Set e to WSM_PROXY, "the proxy HOST:PORT <format>", and return
** WSM_PROXY_HANDSHAKE_FAILED. */
enum wsm_proxy_handshake_status
wsm_proxy_error (const struct wsm_proxy_handshake *x, struct wsm_error *e,
                 const char *format, ...) WSM_PRINTF(3, 4);
enum wsm_proxy_handshake_status
wsm_proxy_error_final (const struct wsm_proxy_handshake *x, struct wsm_error *e,
                       const char *format, ...) WSM_PRINTF(3, 4);

/* The same with WSM_FULL: no memory. */
enum wsm_proxy_handshake_status
wsm_proxy_error_memory (const struct wsm_proxy_handshake *x,
                        struct wsm_error *e);

/* "chat.example.com:443", the target. Returns `to`. */
const char *wsm_proxy_error_target (char to[WSM_PROXY_NAME_SIZE],
                                    const struct wsm_proxy_handshake *x);

#endif
