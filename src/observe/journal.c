#include "observe/journal.h"

#include <string.h>
#include "base/hidden.h"

static bool append (struct wsm_journal *j, const struct wsm_note *note,
                    const void *text) {
  const size_t n = sizeof *note + note->length;
  unsigned char *to;
  if (wsm_buffer_length(&j->notes) + n > j->limit) return false;
  to = wsm_buffer_reserve(&j->notes, n);
  if (!to) return false;
  memcpy(to, note, sizeof *note);
  if (note->length) memcpy(to + sizeof *note, text, note->length);
  wsm_buffer_commit(&j->notes, n);
  return true;
}

/* Before the note that finds room again, or where there is none other. */
static bool tell_lost (struct wsm_journal *j) {
  struct wsm_note note;
  if (j->lost == 0) return true;
  memset(&note, 0, sizeof note);
  note.at_ms = j->at_ms;
  note.kind = WSM_NOTE_LOST;
  note.a = j->lost;
  if (!append(j, &note, NULL)) return false;
  j->lost = 0;
  return true;
}

void wsm_journal_add (struct wsm_journal *j, const struct wsm_note *note,
                      const void *text) {
  struct wsm_note n = *note;
  if (n.at_ms > j->at_ms) j->at_ms = n.at_ms;
  else n.at_ms = j->at_ms;
  if (!tell_lost(j) || !append(j, &n, text)) j->lost++;
}

bool wsm_journal_first (struct wsm_journal *j, struct wsm_note *note,
                        const unsigned char **text) {
  const unsigned char *bytes = wsm_buffer_bytes(&j->notes);
  if (wsm_buffer_length(&j->notes) == 0) {
    if (j->lost == 0 || !tell_lost(j)) return false;
    bytes = wsm_buffer_bytes(&j->notes);
  }
  memcpy(note, bytes, sizeof *note);
  *text = bytes + sizeof *note;
  return true;
}

void wsm_journal_pop (struct wsm_journal *j) {
  struct wsm_note note;
  memcpy(&note, wsm_buffer_bytes(&j->notes), sizeof note);
  wsm_buffer_consume(&j->notes, sizeof note + note.length);
}

void wsm_journal_clear (struct wsm_journal *j) {
  wsm_buffer_clear(&j->notes);
  j->lost = 0;
}
