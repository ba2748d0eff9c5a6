/*
** messages.h - the messages of a simulated world
** Depends on nothing. Each has a number; its size and bytes follow from that, so
** that every changed byte shows.
*/
#ifndef SIMULATE_MESSAGES_H
#define SIMULATE_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct name {
  char kind;           /* 'c': the client's, 's': the server's */
  uint64_t connection; /* of the server's */
  uint64_t number;
};

/* The message, and its length in *n; valid until the next one. extra: how much
** longer than usual. */
const char *message_write (const struct name *name, size_t extra, size_t *n);

/* false: it is no such message, or its bytes were changed. */
bool message_read (const unsigned char *data, size_t n, struct name *name);

#endif
