/*
** descriptor.h - a descriptor of the program's own on a loop: its input, its output
** Depends on guest.h. Files, pipes, terminals and sockets; what cannot be watched (a
** file) is always ready. It stays open, and as blocking as it was: others may share it.
** Never blocks.
*/
#ifndef WSM_DESCRIPTOR_H
#define WSM_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"

struct wsm_descriptor;
struct wsm_loop;

/* NULL: e says why. */
struct wsm_descriptor *wsm_descriptor_new (struct wsm_loop *loop, int fd,
                                           struct wsm_error *e);
void wsm_descriptor_free (struct wsm_descriptor *d);

int wsm_descriptor_fd (const struct wsm_descriptor *d);

/* Of the handle on the loop, which becomes ready, once, when what was awaited has
** come. 0: it is on none any more. */
int64_t wsm_descriptor_id (const struct wsm_descriptor *d);

/* Has the handle made ready when it can be read, or written. false: it cannot be
** watched, and reading or writing never waits. */
bool wsm_descriptor_await (struct wsm_descriptor *d, bool write);

/* Bytes that were read or written, 0 at the end of what there is to read, or: */
#define WSM_DESCRIPTOR_NOT_NOW (-1L)
#define WSM_DESCRIPTOR_FAILED (-2L) /* errno says why */

long wsm_descriptor_read (const struct wsm_descriptor *d, void *to, size_t n);
long wsm_descriptor_write (const struct wsm_descriptor *d, const void *from,
                           size_t n);

#endif
