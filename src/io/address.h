/*
** address.h - socket addresses, socket options and errno in words
** Depends on libuv (numeric addresses, error texts), the system's sockets and
** fork.h.
** Never resolves a name, never blocks.
*/
#ifndef WSM_ADDRESS_H
#define WSM_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#define WSM_ADDRESS_LIMIT 64   /* addresses tried of one name */
#define WSM_ERROR_TEXT_SIZE 96 /* of wsm_address_error_text */

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

/* Copies a name's IPv6 and IPv4 addresses, at most WSM_ADDRESS_LIMIT, without
** duplicates: the families alternate, beginning with the first one's (RFC 8305
** section 4). Returns how many. */
size_t wsm_address_sort (struct wsm_address *to, const struct addrinfo *list,
                         int port);

int wsm_address_port (const struct wsm_address *a); /* 0: a Unix socket */

/* "127.0.0.1", "::1"; "" for a Unix socket. */
void wsm_address_text (const struct wsm_address *a, char *to, size_t n);

/* A stream socket of its family: non-blocking, close-on-exec, registered with
** fork.h, whose wsm_fork_close_socket closes it. -1: errno. */
int wsm_address_socket (const struct wsm_address *a);

/* And close-on-exec. false: errno. */
bool wsm_address_set_nonblocking (int fd);

/* Sets TCP_NODELAY, and SO_NOSIGPIPE where there is one. */
void wsm_address_set_nodelay (int fd);

/* EMFILE or ENFILE if no descriptor can be opened now, else 0. */
int wsm_address_check_fds (void);

/* "connection refused", "no descriptors left (limit 1024); raise ..." */
void wsm_address_error_text (int error, char *to, size_t n);

#endif
