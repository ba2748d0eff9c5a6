#include "frames.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

/* --- RFC 6455 5.2 --- */

static bool is_legal (unsigned first, unsigned second) {
  const unsigned opcode = first & 15;
  const bool control = opcode >= 8;
  if (first & 0x70) return false;
  if (!(second & 0x80)) return false; /* 5.1: a client masks */
  if (control) return (first & 0x80) && (second & 0x7F) <= 125 && opcode <= 10;
  return opcode <= 2;
}

static size_t read_length (const unsigned char *at, size_t n, size_t *header) {
  size_t length = at[1] & 0x7F, i;
  const size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
  *header = 2 + extra + 4;
  if (n < *header) return 0;
  if (extra) length = 0;
  for (i = 0; i < extra; i++) length = length << 8 | at[2 + i];
  return length;
}

/* Eight bytes at once: bursts are large. */
static void unmask (unsigned char *payload, size_t n,
                    const unsigned char key[4]) {
  unsigned char twice[8];
  uint64_t mask, part;
  size_t i;
  memcpy(twice, key, 4);
  memcpy(twice + 4, key, 4);
  memcpy(&mask, twice, sizeof mask);
  for (i = 0; i + sizeof part <= n; i += sizeof part) {
    memcpy(&part, payload + i, sizeof part);
    part ^= mask;
    memcpy(payload + i, &part, sizeof part);
  }
  for (; i < n; i++) payload[i] ^= key[i & 3];
}

long frame_read (unsigned char *at, size_t n, struct frame *f) {
  size_t header;
  unsigned char *payload;
  if (n < 2) return 0;
  if (!is_legal(at[0], at[1])) return -1;
  f->length = read_length(at, n, &header);
  if (n < header || n - header < f->length) return 0;
  payload = at + header;
  unmask(payload, f->length, at + header - 4);
  f->final = (at[0] & 0x80) != 0;
  f->opcode = at[0] & 15;
  f->payload = payload;
  return (long)(header + f->length);
}

void frame_write (struct bytes *to, const struct frame *f) {
  unsigned char head[10];
  size_t size = 2, i;
  head[0] = (unsigned char)((f->final ? 0x80 : 0) | f->opcode);
  head[1] = (unsigned char)f->length;
  if (f->length > 65535) {
    head[1] = 127;
    size = 10;
  } else if (f->length > 125) {
    head[1] = 126;
    size = 4;
  }
  for (i = 2; i < size; i++)
    head[i] = (unsigned char)(f->length >> 8 * (size - 1 - i));
  bytes_append(to, head, size);
  bytes_append(to, f->payload, f->length);
}

/* --- the opening handshake: RFC 6455 4.2 --- */

static size_t head_length (const unsigned char *at, size_t n) {
  size_t i;
  for (i = 3; i < n; i++)
    if (memcmp(at + i - 3, "\r\n\r\n", 4) == 0) return i + 1;
  return 0;
}

size_t handshake_read (const unsigned char *at, size_t n, struct handshake *h) {
  const size_t length = head_length(at, n);
  char text[2048];
  const char *key;
  if (length == 0 || length >= sizeof text) return 0;
  memcpy(text, at, length);
  text[length] = '\0';
  memset(h, 0, sizeof *h);
  sscanf(text, "GET %63s HTTP/1.1", h->path);
  key = strstr(text, "\r\nSec-WebSocket-Key:");
  if (key) sscanf(key + 20, " %63s", h->key);
  return length;
}

void handshake_write (struct bytes *to, const struct handshake *h) {
  static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[SHA_DIGEST_LENGTH], accept[32];
  char text[256];
  int n = snprintf(text, sizeof text, "%s%s", h->key, guid);
  SHA1((const unsigned char *)text, (size_t)n, digest);
  EVP_EncodeBlock(accept, digest, sizeof digest);
  n = snprintf(text, sizeof text,
               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
               "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
               (const char *)accept);
  bytes_append(to, text, (size_t)n);
}
