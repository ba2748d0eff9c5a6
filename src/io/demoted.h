/*
** demoted.h - addresses on which an attempt failed after TCP: tried last
** Depends on address.h. Names are looked up anew for each attempt, so that
** addresses are remembered as such, with their ports. The list is its owner's.
** Never leaves an address out: it only changes the order.
*/
#ifndef WSM_DEMOTED_H
#define WSM_DEMOTED_H

#include <stdint.h>
#include "io/address.h"

#define WSM_DEMOTED_LIMIT 64 /* remembered at once; the oldest are forgotten */

/* An IPv4 or IPv6 address and a port. */
struct wsm_place {
  uint16_t family; /* 0: none */
  uint16_t port;
  uint32_t scope;
  unsigned char bytes[16];
};

struct wsm_demoted;

/* Of the peer of a connected descriptor; family 0 for a Unix socket. */
void wsm_place_of_peer (struct wsm_place *place, int fd);

/* It failed: to the end of the list. NULL is an empty list. Without memory it is not
** remembered. */
void wsm_demoted_add (struct wsm_demoted **list, const struct wsm_place *place);

/* It is good: forgotten. */
void wsm_demoted_remove (struct wsm_demoted **list,
                         const struct wsm_place *place);

/* Moves those of the list to the end, the one that failed last behind all others;
** the order of the rest stays. */
void wsm_demoted_order (const struct wsm_demoted *list, struct wsm_address *to,
                        size_t n);

void wsm_demoted_free (struct wsm_demoted **list);

#endif
