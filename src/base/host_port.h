/*
** host_port.h - "host:port" as text, IPv6 addresses in brackets
** Depends on span.h.
*/
#ifndef WSM_HOST_PORT_H
#define WSM_HOST_PORT_H

#include <stddef.h>
#include "base/span.h"

#define WSM_HOST_PORT_EXTRA 16 /* bytes beside the host, terminator included */

/* "chat.example.com:443", "[::1]:443"; a negative port is left out. Returns the
** length, as snprintf does: cut if it is not less than size. */
size_t wsm_host_port_write (char *to, size_t size, struct wsm_span host,
                            int port);

#endif
