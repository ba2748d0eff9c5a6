/*
** ip.h - parses numeric addresses
** Depends on span.h. RFC 3986 3.2.2 (IPv4) and RFC 4291 2.2 (IPv6).
** Never takes a zone, a port or brackets, and never resolves a name.
*/
#ifndef WSM_IP_H
#define WSM_IP_H

#include <stdbool.h>
#include <stddef.h>
#include "base/span.h"

struct wsm_ip {
  size_t length; /* 4 or 16 */
  unsigned char bytes[16];
};

/* "192.0.2.1" without leading zeros, or "2001:db8::1"; false: neither. */
bool wsm_ip_parse (struct wsm_ip *ip, struct wsm_span text);

/* Of one family, with the same first `bits` bits? */
bool wsm_ip_matches (const struct wsm_ip *a, const struct wsm_ip *b,
                     size_t bits);

#endif
