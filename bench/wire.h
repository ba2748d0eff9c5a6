#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

/* What the bare programs share: sockets, TLS, frame heads, masks, clocks.
 * Depends on POSIX sockets and OpenSSL.
 * Never batches, never buffers, never waits but in wire_connect. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <openssl/ssl.h>

enum {
  WIRE_HEAD = 14,         /* the longest frame head, RFC 6455 5.2 */
  WIRE_CHUNK = 256 * 1024 /* bytes for one read */
};

struct wire {
  int fd;
  SSL *ssl; /* NULL: plain */
};

/* Both return a count above 0, WIRE_AGAIN, or WIRE_ENDED (an error too). */
enum { WIRE_AGAIN = -1, WIRE_ENDED = -2 };
ssize_t wire_read (struct wire *wire, void *data, size_t size);
ssize_t wire_write (struct wire *wire, const void *data, size_t size);

/* Connects to ws://127.0.0.1:PORT/ or wss://localhost:PORT/, does the opening
 * handshake, and makes the socket non-blocking. wss accepts any certificate: it
 * is the benchmark's own, and only bytes are counted. Ends the program on
 * failure. */
void wire_connect (struct wire *wire, const char *url);

/* Of the socket: TCP_NODELAY and non-blocking. */
void wire_tune (int fd);

/* The Sec-WebSocket-Accept of a key (24 characters); RFC 6455 4.2.2. */
void wire_accept (const char *key, char accept[32]);

/* Writes a final frame's head; returns its length. `mask` 0: none. */
size_t wire_head (unsigned char *out, int opcode, uint64_t size, uint32_t mask);

/* to[i] = from[i] ^ mask[i % 4], the mask's bytes in memory order. */
void wire_mask (void *to, const void *from, size_t size, uint32_t mask);

/* Eight letters at the start of a text that has the mask, another eight for each
 * number: a Lua that holds a text already would make no string. */
void wire_number (unsigned char *text, uint32_t number, uint32_t mask);

/* A head as it comes in, in pieces: how many of its bytes are still missing
 * after `have` (0: it is whole). */
size_t wire_head_missing (const unsigned char *head, size_t have);
uint64_t wire_head_payload (const unsigned char *head);

struct moment {
  double wall, user, system; /* seconds; of this process */
};
struct moment moment_now (void);
/* The same for another process, from /proc. */
struct moment moment_of (int pid);
/* One line of JSON: what happened between the two. */
void moment_report (struct moment from, struct moment to, uint64_t messages);

double seconds_now (void);
void fail (const char *what);
void *need (void *memory); /* ends the program when it is NULL */

#endif
