/*
** fork.h - what a forked child leaves to its parent
** Depends on pthread_atfork. A child shares the kernel's side of its parent's
** epoll instances and sockets. It closes its copies of the sockets at once, or
** they would stay connected, and ports in use, after the parent has closed its
** own; and what was made before the fork is not used any more.
** Knows nothing of a fork that runs no handlers: vfork, clone.
*/
#ifndef WSM_FORK_H
#define WSM_FORK_H

#include <stdbool.h>

/* The forks between the process that loaded this library and this one, counted
** from the first call of wsm_fork_watch. What was made at another count is the
** parent's. */
extern unsigned wsm_fork_count;

/* May be called again, by any thread. */
void wsm_fork_watch (void);

/* A socket of ours, that a child closes. */
void wsm_fork_add_socket (int fd);

/* Is it one of ours? */
bool wsm_fork_has_socket (int fd);

/* Before it is closed, or given to somebody else. */
void wsm_fork_remove_socket (int fd);

/* Removes and closes it; keeps errno. */
void wsm_fork_close_socket (int fd);

#endif
