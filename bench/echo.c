/* echo [-c CERT -k KEY] [-p PORT] [-b SIZE] [-n]: an echo server on bare sockets
 * and epoll, for any number of connections; -b: what comes makes it send SIZE
 * bytes to everybody instead; -n: it numbers what it sends back, in the first 8
 * bytes of each message that has so many. It streams: a long message is on its
 * way back before its end has come. Prints its port; on SIGTERM, when its peers
 * were accepted.
 * Depends on wire.h.
 * Never checks what it receives. */

#include "wire.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  OUT = WIRE_CHUNK + WIRE_CHUNK, /* no frame grows on its way back */
  BACKLOG = 8 << 20,             /* unsent: beyond, a peer is not read */
  MOST = 65536,                  /* descriptors */
  BINS = 600                     /* of 100 ms, for accepted peers */
};

struct peer {
  struct wire wire;
  int open, closing;
  unsigned events;
  unsigned char head[WIRE_HEAD]; /* of the frame under way */
  size_t have;
  uint64_t left; /* bytes of its payload that have not come */
  int untouched; /* none of them has come */
  uint32_t mask;
  unsigned char *request; /* while it is not open */
  unsigned char *unsent;  /* what the kernel did not take: first .. last */
  size_t unsent_first, unsent_last, unsent_room;
};

struct server {
  int listener, poll;
  SSL_CTX *tls;
  struct peer *peers[MOST];
  int last; /* the highest descriptor of a peer */
  unsigned char in[WIRE_CHUNK], out[OUT];
  size_t out_size;
  unsigned char *news; /* what everybody gets */
  size_t news_size;
  int numbers;
  uint32_t number; /* of the last message that was numbered */
  double begun;
  unsigned accepted[BINS];
};

static volatile sig_atomic_t stopped;

static void stop (int number) {
  stopped = number;
}

static size_t unsent_size (const struct peer *p) {
  return p->unsent_last - p->unsent_first;
}

static void watch (struct server *s, struct peer *p) {
  struct epoll_event event = { .data = { .fd = p->wire.fd } };
  event.events = unsent_size(p) < BACKLOG ? EPOLLIN : 0u;
  if (unsent_size(p)) event.events |= EPOLLOUT;
  if (event.events == p->events) return;
  epoll_ctl(s->poll, p->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, p->wire.fd,
            &event);
  p->events = event.events;
}

static void drop (struct server *s, struct peer *p) {
  s->peers[p->wire.fd] = NULL;
  if (p->wire.ssl) SSL_free(p->wire.ssl);
  close(p->wire.fd);
  free(p->request);
  free(p->unsent);
  free(p);
}

/* Room for more at the end: what is sent makes way once it is half of it all. */
static void make_room (struct peer *p, size_t size) {
  if (p->unsent_last + size <= p->unsent_room) return;
  if (p->unsent_first >= p->unsent_room / 2) {
    memmove(p->unsent, p->unsent + p->unsent_first, unsent_size(p));
    p->unsent_last -= p->unsent_first;
    p->unsent_first = 0;
  }
  while (p->unsent_last + size > p->unsent_room)
    p->unsent_room = p->unsent_room ? 2 * p->unsent_room : 4096;
  p->unsent = need(realloc(p->unsent, p->unsent_room));
}

static void keep (struct peer *p, const unsigned char *data, size_t size) {
  if (!size) return;
  make_room(p, size);
  memcpy(p->unsent + p->unsent_last, data, size);
  p->unsent_last += size;
}

static int give (struct peer *p, const unsigned char *data, size_t size) {
  size_t done = 0;
  while (!unsent_size(p) && done < size) {
    const ssize_t more = wire_write(&p->wire, data + done, size - done);
    if (more == WIRE_ENDED) return 0;
    if (more == WIRE_AGAIN) break;
    done += (size_t)more;
  }
  keep(p, data + done, size - done);
  return 1;
}

static int give_unsent (struct peer *p) {
  while (unsent_size(p)) {
    const ssize_t more =
      wire_write(&p->wire, p->unsent + p->unsent_first, unsent_size(p));
    if (more == WIRE_ENDED) return 0;
    if (more == WIRE_AGAIN) return 1;
    p->unsent_first += (size_t)more;
  }
  p->unsent_first = p->unsent_last = 0;
  return 1;
}

static int answer (struct peer *p, const char *key) {
  char text[256], accept[32];
  wire_accept(key + 19, accept);
  snprintf(text, sizeof text,
           "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
           "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
           accept);
  p->open = 1;
  free(p->request);
  p->request = NULL;
  p->have = 0;
  return give(p, (unsigned char *)text, strlen(text));
}

/* No client sends a frame before it has the answer. */
static int shake_hands (struct peer *p, const unsigned char *data,
                        size_t size) {
  const char *key;
  if (p->have + size >= 8192) return 0;
  p->request = need(realloc(p->request, p->have + size + 1));
  memcpy(p->request + p->have, data, size);
  p->have += size;
  p->request[p->have] = 0;
  if (!strstr((char *)p->request, "\r\n\r\n")) return 1;
  key = strcasestr((char *)p->request, "Sec-WebSocket-Key: ");
  return key && answer(p, key);
}

static int begins_message (int first) {
  return !(first & 8) && first & 3;
}

static void begin (struct server *s, struct peer *p) {
  const size_t head = p->have - 4;
  unsigned char *out = s->out + s->out_size;
  memcpy(&p->mask, p->head + head, 4);
  p->left = wire_head_payload(p->head);
  p->untouched = 1;
  p->have = 0;
  if ((p->head[0] & 15) == 8) p->closing = 1;
  if (s->news && !(p->head[0] & 8)) return;
  memcpy(out, p->head, head);
  if ((out[0] & 15) == 9) out[0]++; /* a ping is answered with a pong */
  out[1] &= 0x7f;
  s->out_size += head;
}

static size_t payload (struct server *s, struct peer *p,
                       const unsigned char *data, size_t size) {
  const size_t n = size < p->left ? size : (size_t)p->left;
  const unsigned turn = 8 * (n & 3);
  p->left -= n;
  if (s->news && !(p->head[0] & 8)) return n;
  wire_mask(s->out + s->out_size, data, n, p->mask);
  if (s->numbers && p->untouched && n >= 8 && begins_message(p->head[0]))
    wire_number(s->out + s->out_size, ++s->number, 0);
  p->untouched = 0;
  s->out_size += n;
  if (turn) p->mask = p->mask >> turn | p->mask << (32 - turn);
  return n;
}

/* Called again with the rest until all is read; returns how much it took. */
static size_t frame (struct server *s, struct peer *p,
                     const unsigned char *data, size_t size) {
  size_t missing = wire_head_missing(p->head, p->have), n = 0;
  if (p->left) return payload(s, p, data, size);
  while (missing && n < size) {
    p->head[p->have++] = data[n++];
    missing = wire_head_missing(p->head, p->have);
  }
  if (!missing) begin(s, p);
  return n;
}

/* A whole small frame, the common case, without the detour over p->head. */
static size_t small_frames (struct server *s, const unsigned char *data,
                            size_t size) {
  unsigned char *out = s->out + s->out_size;
  size_t n = 0;
  while (size - n >= 6) {
    const size_t length = data[n + 1] & 127;
    uint32_t mask;
    if (length > 125 || size - n < 6 + length || data[n] & 8) break;
    memcpy(&mask, data + n + 2, 4);
    out[0] = data[n];
    out[1] = (unsigned char)length;
    wire_mask(out + 2, data + n + 6, length, mask);
    if (s->numbers && length >= 8 && begins_message(data[n]))
      wire_number(out + 2, ++s->number, 0);
    out += 2 + length;
    n += 6 + length;
  }
  s->out_size = (size_t)(out - s->out);
  return n;
}

static void tell_everybody (struct server *s) {
  int fd;
  for (fd = 0; fd <= s->last; fd++) {
    struct peer *p = s->peers[fd];
    if (!p || !p->open) continue;
    if (give(p, s->news, s->news_size)) watch(s, p);
  }
}

static int frames (struct server *s, struct peer *p, size_t size) {
  size_t n = 0;
  s->out_size = 0;
  while (n < size) {
    const int told = s->news && !p->left && !p->have;
    if (!s->news && !p->left && !p->have)
      n += small_frames(s, s->in + n, size - n);
    if (n < size) n += frame(s, p, s->in + n, size - n);
    if (told && !p->closing) tell_everybody(s);
  }
  return give(p, s->out, s->out_size) && !(p->closing && !p->left);
}

static int receive (struct server *s, struct peer *p) {
  const ssize_t size = wire_read(&p->wire, s->in, sizeof s->in);
  if (size == WIRE_AGAIN) return 1;
  if (size == WIRE_ENDED) return 0;
  if (!p->open) return shake_hands(p, s->in, (size_t)size);
  return frames(s, p, (size_t)size);
}

/* OpenSSL may hold bytes that epoll cannot see. */
static int receive_all (struct server *s, struct peer *p) {
  do {
    if (!receive(s, p)) return 0;
  } while (p->wire.ssl && SSL_has_pending(p->wire.ssl) && p->open);
  return 1;
}

static void count_accepted (struct server *s) {
  const int bin = (int)((seconds_now() - s->begun) * 10);
  s->accepted[bin < BINS ? bin : BINS - 1]++;
}

static void take_in (struct server *s) {
  int fd;
  while ((fd = accept(s->listener, NULL, NULL)) >= 0 && fd < MOST) {
    struct peer *p = need(calloc(1, sizeof *p));
    wire_tune(fd);
    p->wire.fd = fd;
    if (s->tls) {
      p->wire.ssl = need(SSL_new(s->tls));
      SSL_set_fd(p->wire.ssl, fd);
      SSL_set_accept_state(p->wire.ssl);
    }
    s->peers[fd] = p;
    if (fd > s->last) s->last = fd;
    count_accepted(s);
    watch(s, p);
  }
}

static void attend (struct server *s, const struct epoll_event *event) {
  struct peer *p = s->peers[event->data.fd];
  if (!p) return;
  if (event->events & EPOLLOUT && !give_unsent(p)) {
    drop(s, p);
    return;
  }
  if (event->events & ~(unsigned)EPOLLOUT && !receive_all(s, p)) {
    drop(s, p);
    return;
  }
  watch(s, p);
}

static void serve (struct server *s) {
  struct epoll_event events[512];
  struct epoll_event own = { .events = EPOLLIN };
  own.data.fd = s->listener;
  epoll_ctl(s->poll, EPOLL_CTL_ADD, s->listener, &own);
  while (!stopped) {
    const int n = epoll_wait(s->poll, events, 512, -1);
    int i;
    for (i = 0; i < n; i++) {
      if (events[i].data.fd == s->listener) take_in(s);
      else attend(s, &events[i]);
    }
  }
}

static void listen_on (struct server *s, int port) {
  struct sockaddr_in address = { .sin_family = AF_INET };
  socklen_t size = sizeof address;
  const int one = 1;
  address.sin_port = htons((uint16_t)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(s->listener, (struct sockaddr *)&address, size) ||
      listen(s->listener, 4096))
    fail("listen");
  getsockname(s->listener, (struct sockaddr *)&address, &size);
  printf("listening %d\n", ntohs(address.sin_port));
  fflush(stdout);
}

static SSL_CTX *context_of (const char *cert, const char *key) {
  SSL_CTX *context = need(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, WIRE_CHUNK);
  if (SSL_CTX_use_certificate_chain_file(context, cert) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
    fail("certificate");
  return context;
}

static void prepare_news (struct server *s, size_t size) {
  size_t head;
  s->news = need(malloc(size + WIRE_HEAD));
  head = wire_head(s->news, 1, size, 0);
  memset(s->news + head, 'x', size);
  s->news_size = head + size;
}

static void report (const struct server *s) {
  int i, last = BINS - 1;
  while (last > 0 && !s->accepted[last]) last--;
  printf("{\"accepted\": [");
  for (i = 0; i <= last; i++) printf("%s%u", i ? ", " : "", s->accepted[i]);
  printf("]}\n");
}

int main (int argc, char **argv) {
  static struct server server;
  const char *cert = NULL, *key = NULL;
  int option, port = 0;
  while ((option = getopt(argc, argv, "c:k:p:b:n")) != -1) {
    if (option == 'c') cert = optarg;
    if (option == 'k') key = optarg;
    if (option == 'p') port = atoi(optarg);
    if (option == 'b') prepare_news(&server, (size_t)atol(optarg));
    if (option == 'n') server.numbers = 1;
  }
  alarm(900);
  signal(SIGPIPE, SIG_IGN);
  sigaction(SIGTERM, &(struct sigaction){ .sa_handler = stop }, NULL);
  if (cert && key) server.tls = context_of(cert, key);
  server.poll = epoll_create1(0);
  server.begun = seconds_now();
  listen_on(&server, port);
  serve(&server);
  report(&server);
  return 0;
}
