/* crowd URL CONNECTIONS INFLIGHT SIZE WARM SECONDS PID: many connections to one
 * server from one bare client. INFLIGHT 0: nobody echoes; the first connection
 * sends "go" whenever everybody has received the message that the last "go"
 * caused. Reports how many messages came, and the CPU of the server, process
 * PID. Each text of 8 bytes or more is one of its own.
 * Depends on wire.h.
 * Never checks what it receives. */

#include "wire.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { MASK = 0x51e0c3a7 };

struct member {
  struct wire wire;
  unsigned char head[WIRE_HEAD];
  size_t have;
  uint64_t left;
  int inside; /* of a payload */
};

struct crowd {
  int poll, count, inflight;
  struct member *members;
  unsigned char *frame, in[WIRE_CHUNK];
  size_t frame_size, head_size;
  uint32_t sent;
  uint64_t received;
};

static void give (struct member *m, const unsigned char *data, size_t size) {
  struct pollfd writable = { .fd = m->wire.fd, .events = POLLOUT };
  size_t done = 0;
  while (done < size) {
    const ssize_t more = wire_write(&m->wire, data + done, size - done);
    if (more == WIRE_ENDED) fail("write");
    if (more == WIRE_AGAIN) poll(&writable, 1, -1);
    if (more > 0) done += (size_t)more;
  }
}

static void send_go (struct crowd *c) {
  unsigned char frame[16];
  const uint32_t mask = 0x01020304;
  const size_t head = wire_head(frame, 1, 2, mask);
  wire_mask(frame + head, "go", 2, mask);
  give(&c->members[0], frame, head + 2);
}

/* How many messages end in these bytes. */
static unsigned scan (struct member *m, const unsigned char *data,
                      size_t size) {
  unsigned ended = 0;
  size_t i = 0;
  while (i < size || (m->inside && !m->left)) {
    if (m->inside) {
      const size_t n = size - i < m->left ? size - i : (size_t)m->left;
      m->left -= n;
      i += n;
      if (m->left) break;
      m->inside = 0;
      if (!(m->head[0] & 8)) ended++;
      continue;
    }
    m->head[m->have++] = data[i++];
    if (wire_head_missing(m->head, m->have)) continue;
    m->left = wire_head_payload(m->head);
    m->inside = 1;
    m->have = 0;
  }
  return ended;
}

static void send_messages (struct crowd *c, struct member *m, unsigned count) {
  unsigned i;
  for (i = 0; i < count; i++) {
    unsigned char *frame = c->in + i * c->frame_size;
    memcpy(frame, c->frame, c->frame_size);
    if (c->frame_size >= c->head_size + 8)
      wire_number(frame + c->head_size, ++c->sent, MASK);
  }
  give(m, c->in, count * c->frame_size);
}

static void receive (struct crowd *c, struct member *m) {
  const ssize_t size = wire_read(&m->wire, c->in, sizeof c->in);
  unsigned count;
  if (size == WIRE_ENDED) fail("read");
  if (size == WIRE_AGAIN) return;
  count = scan(m, c->in, (size_t)size);
  c->received += count;
  if (c->inflight) send_messages(c, m, count);
  while (!c->inflight && count--)
    if ((c->received - count) % (uint64_t)c->count == 0) send_go(c);
}

static void go_on_for (struct crowd *c, double seconds) {
  const double end = seconds_now() + seconds;
  struct epoll_event events[512];
  while (seconds_now() < end) {
    const int n = epoll_wait(c->poll, events, 512, 1000);
    int i;
    for (i = 0; i < n; i++) receive(c, &c->members[events[i].data.u32]);
  }
}

static void prepare_frame (struct crowd *c, size_t size) {
  unsigned char *payload = need(malloc(size));
  memset(payload, 'x', size);
  c->frame = need(malloc(size + WIRE_HEAD));
  c->head_size = wire_head(c->frame, 1, size, MASK);
  wire_mask(c->frame + c->head_size, payload, size, MASK);
  c->frame_size = c->head_size + size;
  free(payload);
  if ((size_t)c->inflight * c->frame_size > sizeof c->in) fail("too much");
}

static void gather (struct crowd *c, const char *url) {
  int i;
  c->poll = epoll_create1(0);
  c->members = need(calloc((size_t)c->count, sizeof *c->members));
  for (i = 0; i < c->count; i++) {
    struct epoll_event event = { .events = EPOLLIN };
    event.data.u32 = (uint32_t)i;
    wire_connect(&c->members[i].wire, url);
    epoll_ctl(c->poll, EPOLL_CTL_ADD, c->members[i].wire.fd, &event);
  }
}

static void begin (struct crowd *c) {
  int i;
  for (i = 0; c->inflight && i < c->count; i++)
    send_messages(c, &c->members[i], (unsigned)c->inflight);
  if (!c->inflight) send_go(c);
}

int main (int argc, char **argv) {
  static struct crowd crowd;
  struct moment from;
  uint64_t before;
  int pid;
  if (argc < 8) return 2;
  alarm(120);
  signal(SIGPIPE, SIG_IGN);
  crowd.count = atoi(argv[2]);
  crowd.inflight = atoi(argv[3]);
  pid = atoi(argv[7]);
  prepare_frame(&crowd, (size_t)atol(argv[4]));
  gather(&crowd, argv[1]);
  begin(&crowd);
  go_on_for(&crowd, atof(argv[5]));
  from = moment_of(pid);
  before = crowd.received;
  go_on_for(&crowd, atof(argv[6]));
  moment_report(from, moment_of(pid), crowd.received - before);
  return crowd.received == before;
}
