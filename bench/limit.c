/* limit URL SIZE INFLIGHT WARM SECONDS: the fastest client there can be. One
 * connection on a bare socket, what is due in writes of 64 KiB, every message
 * whole in memory before it is counted.
 * Depends on wire.h.
 * Never checks what it receives. */

#include "wire.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Output that one write takes. More would leave the peer idle while it is
 * filled, and both sides' copies of it do not fit into a cache. */
enum { OUT = 64 * 1024 };

struct bytes {
  unsigned char *data;
  size_t first, last, room;
};

struct client {
  struct wire wire;
  struct bytes in, out;
  unsigned char *payload;
  size_t size;
  size_t done; /* bytes of the message that is on its way out */
  uint32_t random, mask;
  uint64_t received, owed;
};

static uint32_t next_mask (struct client *c) {
  c->random ^= c->random << 13;
  c->random ^= c->random >> 17;
  c->random ^= c->random << 5;
  return c->random;
}

/* A piece of a message, whole words but for its end: the mask needs no turn. */
static void put_piece (struct client *c, size_t room) {
  const size_t left = c->size - c->done;
  const size_t n = left < room ? left : room & ~(size_t)7;
  wire_mask(c->out.data + c->out.last, c->payload + c->done, n, c->mask);
  c->out.last += n;
  c->done += n;
}

/* What is owed, as far as it fits: a chunk stays in the processor's cache. */
static void fill (struct client *c) {
  while (c->owed && c->out.room - c->out.last > WIRE_HEAD + 8) {
    if (!c->done) {
      c->mask = next_mask(c);
      c->out.last += wire_head(c->out.data + c->out.last, 1, c->size, c->mask);
    }
    put_piece(c, c->out.room - c->out.last);
    if (c->done < c->size) return;
    c->done = 0;
    c->owed--;
  }
}

static void make_room (struct bytes *b, size_t size) {
  if (b->first == b->last) b->first = b->last = 0;
  if (b->room - b->last >= size) return;
  memmove(b->data, b->data + b->first, b->last - b->first);
  b->last -= b->first;
  b->first = 0;
}

static size_t whole_frame (const struct bytes *b) {
  const unsigned char *head = b->data + b->first;
  const size_t have = b->last - b->first;
  size_t size;
  if (have < 2 || wire_head_missing(head, have)) return 0;
  size = 2 +
         (head[1] == 126   ? 2u
          : head[1] == 127 ? 8u
                           : 0u) +
         (size_t)wire_head_payload(head);
  return size <= have ? size : 0;
}

/* Whether the socket has no more: then a read is short. */
static int take (struct client *c) {
  ssize_t more;
  size_t frame;
  make_room(&c->in, WIRE_CHUNK);
  more = wire_read(&c->wire, c->in.data + c->in.last, WIRE_CHUNK);
  if (more == WIRE_ENDED) fail("read");
  if (more == WIRE_AGAIN) return 1;
  c->in.last += (size_t)more;
  while ((frame = whole_frame(&c->in)) > 0) {
    c->in.first += frame;
    c->received++;
    c->owed++;
  }
  return more < WIRE_CHUNK;
}

static int give (struct client *c) {
  ssize_t done;
  if (c->out.first == c->out.last) c->out.first = c->out.last = 0;
  fill(c);
  if (c->out.first == c->out.last) return 0;
  done = wire_write(&c->wire, c->out.data + c->out.first,
                    c->out.last - c->out.first);
  if (done == WIRE_ENDED) fail("write");
  if (done == WIRE_AGAIN) return 0;
  c->out.first += (size_t)done;
  return 1;
}

static void rest (struct client *c) {
  struct pollfd one = { .fd = c->wire.fd, .events = POLLIN };
  if (c->out.first < c->out.last) one.events |= POLLOUT;
  poll(&one, 1, -1);
}

static int is_quiet (const struct client *c) {
  return c->out.first == c->out.last && !c->owed;
}

static void go_on_for (struct client *c, double seconds) {
  const double end = seconds_now() + seconds;
  while (seconds_now() < end) {
    const int is_drained = take(c), is_stuck = !give(c);
    if (is_drained && (is_stuck || is_quiet(c))) rest(c);
  }
}

static void prepare (struct client *c, char **argv) {
  wire_connect(&c->wire, argv[1]);
  c->size = (size_t)atol(argv[2]);
  c->random = 2463534242u;
  c->payload = need(malloc(c->size));
  memset(c->payload, 'x', c->size);
  c->in.room = c->size + 4 * WIRE_CHUNK;
  c->in.data = need(malloc(c->in.room));
  c->out.room = OUT;
  c->out.data = need(malloc(c->out.room));
  c->owed = (uint64_t)atol(argv[3]);
}

int main (int argc, char **argv) {
  static struct client client;
  struct moment from;
  uint64_t before;
  if (argc < 6) return 2;
  alarm(60);
  signal(SIGPIPE, SIG_IGN);
  prepare(&client, argv);
  go_on_for(&client, atof(argv[4]));
  from = moment_now();
  before = client.received;
  go_on_for(&client, atof(argv[5]));
  moment_report(from, moment_now(), client.received - before);
  return 0;
}
