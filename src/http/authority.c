#include "http/authority.h"

#include "base/host_port.h"
#include "base/hidden.h"

bool wsm_authority_write (struct wsm_buffer *to, struct wsm_span host,
                          int port) {
  const size_t room = host.length + WSM_HOST_PORT_EXTRA;
  unsigned char *at = wsm_buffer_reserve(to, room);
  if (!at) return false;
  wsm_buffer_commit(to, wsm_host_port_write((char *)at, room, host, port));
  return true;
}

bool wsm_authority_write_url (struct wsm_buffer *to,
                              const struct wsm_url *url) {
  const bool is_default = url->port == (url->secure ? 443 : 80);
  return wsm_authority_write(to, url->host, is_default ? -1 : url->port);
}
