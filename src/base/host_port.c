#include "base/host_port.h"

#include <stdio.h>
#include <string.h>
#include "base/hidden.h"

size_t wsm_host_port_write (char *to, size_t size, struct wsm_span host,
                            int port) {
  const bool ipv6 = host.length > 0 && memchr(host.text, ':', host.length);
  char after[WSM_HOST_PORT_EXTRA] = "";
  if (port >= 0) snprintf(after, sizeof after, ":%d", port);
  return (size_t)snprintf(to, size, ipv6 ? "[%.*s]%s" : "%.*s%s",
                          (int)host.length, host.text, after);
}
