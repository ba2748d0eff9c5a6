#include "story.h"

#include <stdarg.h>
#include <stdio.h>

#define DAY_MS 86400000u

void story_time (char to[24], uint64_t now_ms) {
  const unsigned days = (unsigned)(now_ms / DAY_MS);
  const unsigned ms = (unsigned)(now_ms % DAY_MS);
  snprintf(to, 24, "%ud %02u:%02u:%02u.%03u", days % 10000, ms / 3600000,
           ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
}

void story_add (struct story *s, uint64_t now_ms, const char *format, ...) {
  char *line = s->lines[s->count++ % STORY_LINES], time[24];
  va_list list;
  int n;
  story_time(time, now_ms);
  n = snprintf(line, STORY_LINE, "%s  ", time);
  va_start(list, format);
  vsnprintf(line + n, STORY_LINE - (size_t)n, format, list);
  va_end(list);
  if (s->told) puts(line);
}

void story_print_last (const struct story *s) {
  const uint64_t first = s->count > STORY_LINES ? s->count - STORY_LINES : 0;
  uint64_t i;
  for (i = first; !s->told && i < s->count; i++)
    puts(s->lines[i % STORY_LINES]);
}
