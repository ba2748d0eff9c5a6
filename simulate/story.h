/*
** story.h - what happened in a world, in lines for people
** Depends on nothing. The last lines are kept, and printed with a rule that does
** not hold; all of them are printed when the world is told.
*/
#ifndef SIMULATE_STORY_H
#define SIMULATE_STORY_H

#include <stdbool.h>
#include <stdint.h>

#define STORY_LINES 60
#define STORY_LINE 200

/* Zero it to start. */
struct story {
  bool told; /* each line is printed as it comes */
  uint64_t count;
  char lines[STORY_LINES][STORY_LINE];
};

/* "3d 04:05:06.789". */
void story_time (char to[24], uint64_t now_ms);

void story_add (struct story *s, uint64_t now_ms, const char *format, ...)
  __attribute__((format(printf, 3, 4)));

/* Prints the last lines, unless they were printed. */
void story_print_last (const struct story *s);

#endif
