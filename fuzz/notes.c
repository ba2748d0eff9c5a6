#include "notes.h"

#include "observe/observer.h"

#define TEXT_LIMIT 2048 /* of a note that a manager makes */

void notes_begin (struct world *w) {
  if ((input_byte(w->in) & 1) == 0) return;
  REQUIRE(wsm_observer_set(&w->manager.journal, true, 0));
}

/* What a kind's numbers say. */
static void check_numbers (struct world *w, const struct wsm_note *note) {
  const struct wsm_manager *m = &w->manager;
  struct noted *n = &w->noted;
  switch (note->kind) {
    case WSM_NOTE_LOST:
      n->lost = true;
      break;
    case WSM_NOTE_OPEN:
      REQUIRE(note->a <= m->counters.epoch && note->a > n->epoch);
      n->epoch = note->a;
      break;
    case WSM_NOTE_DROPPED:
      n->dropped += note->a;
      break;
    case WSM_NOTE_RESUMED:
      REQUIRE(n->lost ||
              n->counts[WSM_NOTE_PAUSED] == n->counts[WSM_NOTE_RESUMED] + 1);
      break;
    case WSM_NOTE_END:
      n->opens_ended += (note->b & WSM_ENDED_OPEN) != 0;
      REQUIRE(!(note->b & WSM_ENDED_OPEN) || (note->b & WSM_ENDED_SESSION));
      break;
    default:
      break;
  }
}

/* Those of the driver and of frames nobody makes here. */
static void check_note (struct world *w, const struct wsm_note *note) {
  struct noted *n = &w->noted;
  REQUIRE(note->kind < WSM_NOTES && note->kind != WSM_NOTE_CONNECTING);
  REQUIRE(note->kind != WSM_NOTE_TCP && note->kind < WSM_NOTE_HEAD_IN);
  REQUIRE(note->at_ms >= n->at_ms && note->at_ms <= w->now);
  REQUIRE(note->length <= TEXT_LIMIT);
  check_numbers(w, note);
  n->at_ms = note->at_ms;
  n->counts[note->kind]++;
}

void notes_check (struct world *w) {
  const struct wsm_counters *c = &w->manager.counters;
  struct wsm_journal *j = w->manager.journal;
  struct noted *n = &w->noted;
  const unsigned char *text;
  struct wsm_note note;
  if (!j) return;
  while (wsm_journal_first(j, &note, &text)) {
    check_note(w, &note);
    wsm_journal_pop(j);
  }
  REQUIRE(wsm_journal_is_empty(j) || w->memory_fails);
  if (n->lost || j->lost) return;
  REQUIRE(n->counts[WSM_NOTE_OPEN] == c->opens);
  REQUIRE(n->counts[WSM_NOTE_PAUSED] == c->pauses);
  REQUIRE(n->dropped == c->dropped);
}

void notes_end (struct world *w) {
  const struct noted *n = &w->noted;
  if (!w->manager.journal) return;
  notes_check(w);
  if (n->lost || w->manager.journal->lost) return;
  REQUIRE(n->opens_ended == w->manager.counters.opens);
  REQUIRE(n->counts[WSM_NOTE_CLOSED] > 0);
}
