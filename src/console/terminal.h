/*
** terminal.h - the terminal of a program: key by key or line by line, and its size
** Depends on termios.
** Never reads or writes it.
*/
#ifndef WSM_TERMINAL_H
#define WSM_TERMINAL_H

#include <stdbool.h>

bool wsm_terminal_is (int fd);

/* false: unknown. */
bool wsm_terminal_size (int fd, int *columns, int *rows);

struct wsm_terminal_mode;

/* Key by key from now on, without echo, Ctrl-C too being a key. What it was before, for
** restore; NULL: it is no terminal, or no memory. */
struct wsm_terminal_mode *wsm_terminal_raw (int fd);

/* As it was before; frees that. */
void wsm_terminal_restore (int fd, struct wsm_terminal_mode *before);

/* Stops this process, as Ctrl-Z does, until it is continued. */
void wsm_terminal_suspend (void);

#endif
