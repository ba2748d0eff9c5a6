/*
** authority.h - "host:port" in requests and URLs (RFC 3986 3.2)
** Depends on base/host_port.h, buffer.h and url.h.
*/
#ifndef WSM_AUTHORITY_H
#define WSM_AUTHORITY_H

#include "base/buffer.h"
#include "base/span.h"
#include "http/url.h"

/* Append; false without memory. A negative port is left out; a URL's own when
** it is the default of its scheme. */
bool wsm_authority_write (struct wsm_buffer *to, struct wsm_span host,
                          int port);
bool wsm_authority_write_url (struct wsm_buffer *to, const struct wsm_url *url);

#endif
