#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

void fail (const char *what) {
  perror(what);
  exit(1);
}

void *need (void *memory) {
  if (!memory) fail("memory");
  return memory;
}

static ssize_t tls_outcome (struct wire *wire, int done) {
  if (done > 0) return done;
  switch (SSL_get_error(wire->ssl, done)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return WIRE_AGAIN;
    default:
      return WIRE_ENDED;
  }
}

static ssize_t outcome (ssize_t done) {
  if (done > 0) return done;
  if (done < 0 && (errno == EAGAIN || errno == EINTR)) return WIRE_AGAIN;
  return WIRE_ENDED;
}

/* A record is 16 KiB at most: several are needed to fill the buffer. */
static ssize_t tls_read (struct wire *wire, char *data, size_t size) {
  size_t have = 0;
  while (have < size) {
    const int done = SSL_read(wire->ssl, data + have, (int)(size - have));
    if (done <= 0) {
      if (have) break;
      return tls_outcome(wire, done);
    }
    have += (size_t)done;
  }
  return (ssize_t)have;
}

ssize_t wire_read (struct wire *wire, void *data, size_t size) {
  if (wire->ssl) return tls_read(wire, data, size);
  return outcome(read(wire->fd, data, size));
}

ssize_t wire_write (struct wire *wire, const void *data, size_t size) {
  if (wire->ssl) {
    const int most = size > WIRE_CHUNK ? WIRE_CHUNK : (int)size;
    return tls_outcome(wire, SSL_write(wire->ssl, data, most));
  }
  return outcome(send(wire->fd, data, size, MSG_NOSIGNAL));
}

void wire_tune (int fd) {
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK)) fail("fcntl");
}

static int connect_to (const char *url) {
  struct sockaddr_in address = { .sin_family = AF_INET };
  const char *colon = strrchr(url, ':');
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) fail("socket");
  address.sin_port = htons((uint16_t)atoi(colon + 1));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
  return fd;
}

static SSL_CTX *client_context (void) {
  static SSL_CTX *context;
  if (context) return context;
  context = need(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, WIRE_CHUNK);
  return context;
}

static void secure (struct wire *wire) {
  wire->ssl = need(SSL_new(client_context()));
  SSL_set_fd(wire->ssl, wire->fd);
  if (SSL_connect(wire->ssl) != 1) fail("SSL_connect");
}

static void shake_hands (struct wire *wire) {
  static const char request[] =
    "GET / HTTP/1.1\r\nHost: localhost\r\n"
    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n\r\n";
  char answer[4096];
  size_t have = 0;
  if (wire_write(wire, request, sizeof request - 1) <= 0) fail("handshake");
  /* One byte at a time over TLS is never needed: no frame follows it at once,
   * and the socket still blocks. */
  do {
    const ssize_t more = wire->ssl ? SSL_read(wire->ssl, answer + have, 1024)
                                   : read(wire->fd, answer + have, 1024);
    if (more <= 0 || have + 2048 > sizeof answer) fail("handshake");
    have += (size_t)more;
    answer[have] = 0;
  } while (!strstr(answer, "\r\n\r\n"));
  if (!strstr(answer, " 101 ")) fail("handshake: not 101");
}

void wire_connect (struct wire *wire, const char *url) {
  wire->fd = connect_to(url);
  wire->ssl = NULL;
  if (!strncmp(url, "wss:", 4)) secure(wire);
  shake_hands(wire);
  wire_tune(wire->fd);
}

void wire_accept (const char *key, char accept[32]) {
  char text[64];
  unsigned char hash[20];
  snprintf(text, sizeof text, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
  SHA1((unsigned char *)text, strlen(text), hash);
  EVP_EncodeBlock((unsigned char *)accept, hash, sizeof hash);
}

static size_t put_size (unsigned char *out, uint64_t size) {
  size_t i, n = size > 0xffff ? 8 : 2;
  if (size < 126) {
    out[1] = (unsigned char)size;
    return 2;
  }
  out[1] = n == 8 ? 127 : 126;
  for (i = 0; i < n; i++)
    out[2 + i] = (unsigned char)(size >> (8 * (n - 1 - i)));
  return 2 + n;
}

size_t wire_head (unsigned char *out, int opcode, uint64_t size,
                  uint32_t mask) {
  const size_t head = put_size(out, size);
  out[0] = (unsigned char)(0x80 | opcode);
  if (!mask) return head;
  out[1] |= 0x80;
  memcpy(out + head, &mask, 4);
  return head + 4;
}

void wire_mask (void *to, const void *from, size_t size, uint32_t mask) {
  const uint64_t wide = (uint64_t)mask << 32 | mask;
  unsigned char *out = to, key[4];
  const unsigned char *in = from;
  size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    uint64_t word;
    memcpy(&word, in + i, 8);
    word ^= wide;
    memcpy(out + i, &word, 8);
  }
  memcpy(key, &mask, 4);
  for (; i < size; i++) out[i] = in[i] ^ key[i & 3];
}

static size_t head_length (const unsigned char *head) {
  const int code = head[1] & 127;
  return 2 +
         (code == 126   ? 2u
          : code == 127 ? 8u
                        : 0u) +
         (head[1] & 0x80 ? 4u : 0u);
}

void wire_number (unsigned char *text, uint32_t number, uint32_t mask) {
  uint64_t x = number;
  x = (x | x << 16) & 0x0000FFFF0000FFFF;
  x = (x | x << 8) & 0x00FF00FF00FF00FF;
  x = (x | x << 4) & 0x0F0F0F0F0F0F0F0F;
  x += 0x6161616161616161;
  wire_mask(text, &x, sizeof x, mask);
}

size_t wire_head_missing (const unsigned char *head, size_t have) {
  const size_t whole = have < 2 ? 2 : head_length(head);
  return have < whole ? whole - have : 0;
}

uint64_t wire_head_payload (const unsigned char *head) {
  const int code = head[1] & 127;
  const int n = code == 126 ? 2 : code == 127 ? 8 : 0;
  uint64_t size = 0;
  int i;
  if (!n) return (uint64_t)code;
  for (i = 0; i < n; i++) size = size << 8 | head[2 + i];
  return size;
}

double seconds_now (void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds_of (struct timeval time) {
  return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

struct moment moment_now (void) {
  struct rusage usage;
  struct moment now;
  getrusage(RUSAGE_SELF, &usage);
  now.wall = seconds_now();
  now.user = seconds_of(usage.ru_utime);
  now.system = seconds_of(usage.ru_stime);
  return now;
}

struct moment moment_of (int pid) {
  struct moment now = { seconds_now(), 0, 0 };
  char path[64], text[1024];
  unsigned long user = 0, kernel = 0;
  const double tick = (double)sysconf(_SC_CLK_TCK);
  FILE *file;
  const char *after;
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  file = fopen(path, "r");
  if (!file) return now;
  text[fread(text, 1, sizeof text - 1, file)] = 0;
  fclose(file);
  after = strrchr(text, ')');
  if (after)
    sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
           &user, &kernel);
  now.user = (double)user / tick;
  now.system = (double)kernel / tick;
  return now;
}

void moment_report (struct moment from, struct moment to, uint64_t messages) {
  printf("{\"messages\": %llu, \"seconds\": %.6f, \"user\": %.6f, "
         "\"system\": %.6f}\n",
         (unsigned long long)messages, to.wall - from.wall, to.user - from.user,
         to.system - from.system);
}
