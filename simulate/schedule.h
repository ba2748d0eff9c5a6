/*
** schedule.h - what will happen when, in a simulated world
** Depends on nothing. Calls are made in the order of their times; those of one
** time in the order in which they were scheduled.
** Never removes a call: who is called checks whether it still matters.
*/
#ifndef SIMULATE_SCHEDULE_H
#define SIMULATE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void schedule_call (void *object, uint64_t value);

struct schedule_entry {
  uint64_t at_ms, order, value;
  schedule_call *call;
  void *object;
};

/* Zero it to start. */
struct schedule {
  uint64_t now_ms;
  uint64_t count; /* calls made or to be made */
  struct schedule_entry *heap;
  size_t length, room;
};

/* The call that is due at at_ms; at once if that is over. */
void schedule_at (struct schedule *s, uint64_t at_ms,
                  const struct schedule_entry *entry);

/* Makes the next call, and it is its time; false: none is due by end_ms, which it
** is then. */
bool schedule_step (struct schedule *s, uint64_t end_ms);

void schedule_free (struct schedule *s);

#endif
