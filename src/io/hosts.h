/*
** hosts.h - the addresses of names that no name server is asked for
** Depends on address.h, and reads /etc/hosts anew each time. Resolvers ask that
** file before a server, so that what it answers needs none; `localhost` and what
** ends in `.localhost` are this machine (RFC 6761 6.3), in the file or not.
** Never asks a server.
*/
#ifndef WSM_HOSTS_H
#define WSM_HOSTS_H

#include "io/address.h"

/* Copies the name's addresses, at most WSM_ADDRESS_LIMIT, without duplicates, IPv6
** and IPv4 by turns. 0: it is not known here. */
size_t wsm_hosts_find (struct wsm_address *to, const char *name, int port);

#endif
