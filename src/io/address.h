/*
** address.h - socket addresses: made, ordered, opened, put into words
** Stands on libuv (numbers and error texts) and the system's sockets.
** Never resolves a name, never blocks.
*/
#ifndef WSM_ADDRESS_H
#define WSM_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#define WSM_ADDRESS_LIMIT 64   /* so many addresses of one name are tried */
#define WSM_ERROR_TEXT_SIZE 96 /* a reason in words, with terminator */

struct addrinfo;

struct wsm_address {
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
  } as;
  socklen_t n;
};

/* "127.0.0.1", "::1", "fe80::1%eth0"; false: not a numeric address. */
bool wsm_address_numeric (struct wsm_address *a, const char *host, int port);

/* false: the path is longer than the system allows. */
bool wsm_address_unix (struct wsm_address *a, const char *path);

/* Copies a name's addresses, at most WSM_ADDRESS_LIMIT, each once, IPv6 and
** IPv4 by turns beginning with the first one's family, otherwise in the list's
** order (RFC 8305 section 4). Other families are left out. How many. */
size_t wsm_address_sort (struct wsm_address *to, const struct addrinfo *list,
                         int port);

int wsm_address_port (const struct wsm_address *a); /* 0: it has none */

/* "127.0.0.1", "::1"; "" for a Unix socket. */
void wsm_address_text (const struct wsm_address *a, char *to, size_t n);

/* A stream socket for its family: non-blocking, close-on-exec. -1: errno. */
int wsm_address_socket (const struct wsm_address *a);

/* Makes a descriptor non-blocking and close-on-exec; false: errno. */
bool wsm_address_set_nonblocking (int fd);

/* TCP_NODELAY, and no SIGPIPE where that is a socket's option. */
void wsm_address_set_nodelay (int fd);

/* EMFILE or ENFILE if no descriptor can be had now, else 0. */
int wsm_address_check_fds (void);

/* "connection refused", "no descriptors left (limit 1024); raise ..." */
void wsm_address_error_text (int why, char *to, size_t n);

#endif
