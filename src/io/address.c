#include "io/address.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>
#include "io/fork.h"
#include "base/hidden.h"

bool wsm_address_numeric (struct wsm_address *a, const char *host, int port) {
  memset(a, 0, sizeof *a);
  if (uv_ip4_addr(host, port, &a->as.v4) == 0) {
    a->n = sizeof a->as.v4;
    return true;
  }
  memset(a, 0, sizeof *a);
  a->n = sizeof a->as.v6;
  return uv_ip6_addr(host, port, &a->as.v6) == 0;
}

bool wsm_address_unix (struct wsm_address *a, const char *path) {
  size_t n = strlen(path);
  if (n >= sizeof a->as.local.sun_path) return false;
  memset(a, 0, sizeof *a);
  a->as.local.sun_family = AF_UNIX;
  memcpy(a->as.local.sun_path, path, n + 1);
  a->n = sizeof a->as.local;
  return true;
}

static bool is_duplicate (const struct wsm_address *copied, size_t n,
                          const struct addrinfo *info) {
  size_t i;
  for (i = 0; i < n; i++)
    if (copied[i].n == info->ai_addrlen &&
        memcmp(&copied[i].as, info->ai_addr, copied[i].n) == 0)
      return true;
  return false;
}

static bool is_internet (const struct addrinfo *info) {
  return (info->ai_family == AF_INET &&
          info->ai_addrlen == sizeof(struct sockaddr_in)) ||
         (info->ai_family == AF_INET6 &&
          info->ai_addrlen == sizeof(struct sockaddr_in6));
}

static const struct addrinfo *next_of_family (const struct addrinfo *info,
                                              int family) {
  while (info && !(is_internet(info) &&
                   (family == AF_UNSPEC || info->ai_family == family)))
    info = info->ai_next;
  return info;
}

static void set_port (struct wsm_address *a, int port) {
  in_port_t network = htons((uint16_t)port);
  if (a->as.any.sa_family == AF_INET6) a->as.v6.sin6_port = network;
  else a->as.v4.sin_port = network;
}

static void copy (struct wsm_address *to, const struct addrinfo *info) {
  memset(to, 0, sizeof *to);
  memcpy(&to->as, info->ai_addr, info->ai_addrlen);
  to->n = info->ai_addrlen;
}

size_t wsm_address_sort (struct wsm_address *to, const struct addrinfo *list,
                         int port) {
  const struct addrinfo *from[2];
  size_t n = 0, i;
  int turn = 0;
  int family[2];
  from[0] = from[1] = next_of_family(list, AF_UNSPEC);
  if (!from[0]) return 0;
  family[0] = from[0]->ai_family;
  family[1] = family[0] == AF_INET ? AF_INET6 : AF_INET;
  for (; n < WSM_ADDRESS_LIMIT && (from[0] || from[1]); turn = !turn) {
    const struct addrinfo *info = next_of_family(from[turn], family[turn]);
    while (info && is_duplicate(to, n, info))
      info = next_of_family(info->ai_next, family[turn]);
    from[turn] = info ? info->ai_next : NULL;
    if (info) copy(&to[n++], info);
  }
  for (i = 0; i < n; i++) set_port(&to[i], port);
  return n;
}

int wsm_address_port (const struct wsm_address *a) {
  switch (a->as.any.sa_family) {
    case AF_INET:
      return ntohs(a->as.v4.sin_port);
    case AF_INET6:
      return ntohs(a->as.v6.sin6_port);
    default:
      return 0;
  }
}

void wsm_address_text (const struct wsm_address *a, char *to, size_t n) {
  to[0] = '\0';
  if (a->as.any.sa_family == AF_INET) uv_ip4_name(&a->as.v4, to, n);
  else if (a->as.any.sa_family == AF_INET6) uv_ip6_name(&a->as.v6, to, n);
}

bool wsm_address_set_nonblocking (int fd) {
  int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
         fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static int open_socket (const struct wsm_address *a) {
#ifdef SOCK_NONBLOCK
  return socket(a->as.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                0);
#else
  int fd = socket(a->as.any.sa_family, SOCK_STREAM, 0);
  if (fd < 0 || wsm_address_set_nonblocking(fd)) return fd;
  close(fd);
  return -1;
#endif
}

int wsm_address_socket (const struct wsm_address *a) {
  const int fd = open_socket(a);
  if (fd >= 0) wsm_fork_add_socket(fd);
  return fd;
}

void wsm_address_set_nodelay (int fd) {
  const int on = 1;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
#ifdef SO_NOSIGPIPE
  (void)setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
}

static bool is_exhausted (int error) {
  return error == EMFILE || error == ENFILE;
}

int wsm_address_check_fds (void) {
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) return is_exhausted(errno) ? errno : 0;
  close(fd);
  return 0;
}

void wsm_address_error_text (int error, char *to, size_t n) {
  struct rlimit limit;
  if (error == EMFILE && getrlimit(RLIMIT_NOFILE, &limit) == 0)
    snprintf(to, n, "no descriptors left (limit %llu); raise `ulimit -n`",
             (unsigned long long)limit.rlim_cur);
  else if (error == ENFILE)
    snprintf(to, n, "no descriptors left in the whole system");
  else if (error == EAGAIN) /* from connect to a Unix socket */
    snprintf(to, n, "too many wait to be accepted");
  else uv_strerror_r(uv_translate_sys_error(error), to, n);
}
