/*
** message.h - a message, the limits of one, and the two roles
** Depends on nothing.
*/
#ifndef WSM_MESSAGE_H
#define WSM_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wsm_role { WSM_CLIENT, WSM_SERVER };

/* What a peer may make us hold. Shared by many sessions, never changed. */
struct wsm_limits {
  uint64_t message;   /* bytes of a message, inflated; over: 1009 */
  uint64_t frame;     /* bytes of a frame's payload; over: 1009 */
  uint32_t fragments; /* frames of a message; over: 1008 */
};

/* A whole message; the bytes belong to whoever fills it. */
struct wsm_message {
  const unsigned char *data;
  size_t length;
  bool binary;
};

#endif
