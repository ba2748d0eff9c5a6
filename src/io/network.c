#include "io/network.h"

#include <stddef.h>
#ifdef __linux__
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>
#include "base/memory.h"
#include "io/fork.h"
#endif
#include "base/hidden.h"

#ifdef __linux__

#define READ_SIZE 8192 /* of several messages; the kernel sends no larger one */
#define READS_A_TURN 64 /* an interface that flaps must not hold up the loop */

#define GROUPS \
  (RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | \
   RTMGRP_IPV6_ROUTE)

struct wsm_network {
  uv_poll_t poll;
  int fd;
  bool *came_back;
};

/* --- what the kernel tells --- */

static bool is_running (const struct ifinfomsg *link) {
  return (link->ifi_flags & IFF_RUNNING) && !(link->ifi_flags & IFF_LOOPBACK);
}

/* Not one of this link or this machine alone. An IPv6 address is told again when no
** other machine has it. */
static bool is_usable (const struct ifaddrmsg *address) {
  return address->ifa_scope < RT_SCOPE_LINK &&
         !(address->ifa_flags & IFA_F_TENTATIVE);
}

/* RFC 4291 2.5.6, 2.7: each link has routes to such addresses. */
static bool is_of_link (const unsigned char *address) {
  return address[0] == 0xff ||
         (address[0] == 0xfe && (address[1] & 0xc0) == 0x80);
}

static bool leads_out (const struct nlmsghdr *message) {
  const struct rtmsg *route = NLMSG_DATA(message);
  const struct rtattr *part = RTM_RTA(route);
  unsigned left = (unsigned)RTM_PAYLOAD(message);
  if (route->rtm_type != RTN_UNICAST || (route->rtm_flags & RTM_F_CLONED))
    return false;
  if (route->rtm_family != AF_INET6) return true;
  for (; RTA_OK(part, left); part = RTA_NEXT(part, left))
    if (part->rta_type == RTA_DST && RTA_PAYLOAD(part) >= 2)
      return !is_of_link(RTA_DATA(part));
  return true;
}

static bool has (const struct nlmsghdr *message, size_t size) {
  return message->nlmsg_len >= NLMSG_LENGTH(size);
}

static bool is_good_news (const struct nlmsghdr *message) {
  const void *data = NLMSG_DATA(message);
  switch (message->nlmsg_type) {
    case RTM_NEWLINK:
      return has(message, sizeof(struct ifinfomsg)) && is_running(data);
    case RTM_NEWADDR:
      return has(message, sizeof(struct ifaddrmsg)) && is_usable(data);
    case RTM_NEWROUTE:
      return has(message, sizeof(struct rtmsg)) && leads_out(message);
    default:
      return false;
  }
}

static bool has_good_news (const char *bytes, size_t n) {
  while (n >= sizeof(struct nlmsghdr)) {
    const struct nlmsghdr *message = (const void *)bytes;
    size_t length = message->nlmsg_len;
    if (length < sizeof *message || length > n) return false;
    if (is_good_news(message)) return true;
    length = NLMSG_ALIGN(length);
    if (length > n) return false;
    bytes += length;
    n -= length;
  }
  return false;
}

/* Too many at once (ENOBUFS): some of them may have been good news. */
static void on_readable (uv_poll_t *poll, int status, int events) {
  struct wsm_network *n = poll->data;
  union {
    struct nlmsghdr aligned;
    char bytes[READ_SIZE];
  } buffer;
  int left = READS_A_TURN;
  (void)status;
  (void)events;
  while (left-- > 0) {
    const ssize_t got = recv(n->fd, buffer.bytes, sizeof buffer, 0);
    if (got > 0 ? has_good_news(buffer.bytes, (size_t)got) : errno == ENOBUFS)
      *n->came_back = true;
    if (got <= 0 && errno != ENOBUFS && errno != EINTR) return;
  }
}

/* --- life --- */

static int open_socket (void) {
  const int kind = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
  const int fd = socket(AF_NETLINK, kind, NETLINK_ROUTE);
  struct sockaddr_nl groups;
  memset(&groups, 0, sizeof groups);
  groups.nl_family = AF_NETLINK;
  groups.nl_groups = GROUPS;
  if (fd < 0) return -1;
  if (bind(fd, (const struct sockaddr *)&groups, sizeof groups) == 0) return fd;
  close(fd);
  return -1;
}

struct wsm_network *wsm_network_watch (struct uv_loop_s *uv, bool *came_back) {
  struct wsm_network *n = wsm_zalloc(sizeof *n);
  if (!n) return NULL;
  n->came_back = came_back;
  n->fd = open_socket();
  if (n->fd >= 0 && uv_poll_init(uv, &n->poll, n->fd) == 0) {
    wsm_fork_add_socket(n->fd);
    n->poll.data = n;
    (void)uv_poll_start(&n->poll, UV_READABLE, on_readable);
    uv_unref((uv_handle_t *)&n->poll);
    return n;
  }
  if (n->fd >= 0) close(n->fd);
  wsm_free(n);
  return NULL;
}

static void on_closed (uv_handle_t *poll) {
  wsm_free(poll->data);
}

void wsm_network_close (struct wsm_network *n) {
  uv_close((uv_handle_t *)&n->poll, on_closed);
  wsm_fork_close_socket(n->fd);
}

/* Its memory stays: the parent's loop, which is kept, points to it. */
void wsm_network_forget (struct wsm_network *n) {
  n->fd = -1;
}

#else

struct wsm_network *wsm_network_watch (struct uv_loop_s *uv, bool *came_back) {
  (void)uv;
  (void)came_back;
  return NULL;
}

void wsm_network_close (struct wsm_network *n) {
  (void)n;
}

void wsm_network_forget (struct wsm_network *n) {
  (void)n;
}

#endif
