/*
** socket_stream.h - the lowest stream: a connected socket
** Depends on socket.h and loop.h, whose system calls it counts.
** Never buffers: reads go straight into the owner's buffer.
*/
#ifndef WSM_SOCKET_STREAM_H
#define WSM_SOCKET_STREAM_H

#include "stream/stream.h"

struct wsm_loop;

/* On a connected descriptor, which is closed on failure. NULL: e says why. It
** opens as it is started. */
struct wsm_stream *wsm_socket_stream_new (struct wsm_loop *loop, int fd,
                                          struct wsm_error *e);

#endif
