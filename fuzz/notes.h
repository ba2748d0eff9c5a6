/*
** notes.h - the journal of a fuzzed manager: what it notes is what it did
** Depends on world.h. Some lives have one.
** Never lets notes wait: each is read after the step that made it.
*/
#ifndef WSM_FUZZ_NOTES_H
#define WSM_FUZZ_NOTES_H

#include "world.h"

/* The manager was made. */
void notes_begin (struct world *w);

/* After every step: the kinds, times and numbers of its notes. */
void notes_check (struct world *w);

/* The manager is closed. */
void notes_end (struct world *w);

#endif
