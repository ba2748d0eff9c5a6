/*
** receiving.h - how the application of a fuzzed manager takes its messages
** Depends on world.h and zlib. Each life draws whether it takes them whole or in parts,
** and whether the peer sends some as pieces of one zlib stream. What was taken may be
** kept for others, and then counts in the inbox.
** Never takes a message for whole whose end did not come.
*/
#ifndef WSM_FUZZ_RECEIVING_H
#define WSM_FUZZ_RECEIVING_H

#include "world.h"

/* Draws what this life has. */
void receiving_begin (struct world *w);

/* Takes so many messages, or parts of them, if they are there. */
void receiving_take (struct world *w, unsigned count);

/* Keeps what it takes for others from now on, or no longer. */
void receiving_keep (struct world *w);

/* Somebody waits to send. */
void receiving_await_room (struct world *w);

/* WSM_EVENT_DRAIN was popped. */
void receiving_note_room (struct world *w);

/* The peer's message of that number, as the next pieces of its zlib stream. */
size_t receiving_pack (struct world *w, unsigned number,
                       const unsigned char **bytes);

/* The connection is over. */
void receiving_lose (struct world *w);

/* After every step, and when the manager is closed and all was taken. */
void receiving_check (struct world *w);
void receiving_end (struct world *w);

#endif
